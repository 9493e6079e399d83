"""Draw the best, median and worst images of one result from photo to truth."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.text_lists import read_lines
    from mdc.report.contact_sheets import SheetInputs, draw_sheet

    files, settings, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    draw_sheet(
        inputs=SheetInputs(
            split_csv=Path(files.split_csv),
            images_csv=Path(files.images),
            cams_h5=[Path(path) for path in files.cams],
            saliency_csv=[Path(path) for path in files.saliency],
            masks_csv=[Path(path) for path in files.masks],
            predictions_csv=[Path(path) for path in files.predictions],
            crf_csv=[Path(path) for path in files.crf],
        ),
        sheet_png=Path(snakemake.output.png),
        classes=read_lines(Path(files.classes)),
        names=settings.names,
        setting=settings.setting,
        each=settings.each,
        title=f"{wildcards.split}: {wildcards.result}, classifier {wildcards.classifier}, seed {wildcards.seed}",
    )


run_logged(snakemake.log[0], main)
