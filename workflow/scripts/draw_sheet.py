"""Draw the best, median and worst images of one result from photo to truth."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.text_lists import read_lines
    from mdc.report.contact_sheets import SheetInputs, draw_sheet

    files, settings, wildcards = snakemake.input, snakemake.params, snakemake.wildcards

    def path(files: list[str]) -> Path | None:
        return Path(files[0]) if files else None

    draw_sheet(
        inputs=SheetInputs(
            split_csv=Path(files.split_csv),
            images_csv=Path(files.images),
            cams_h5=[Path(path) for path in files.cams],
            saliency_csv=path(files.saliency),
            masks_csv=path(files.masks),
            certainty_csv=path(files.certainty),
            predictions_csv=path(files.predictions),
            crf_csv=path(files.crf),
        ),
        sheet_png=Path(snakemake.output.png),
        classes=read_lines(Path(files.classes)),
        setting=settings.setting,
        each=settings.each,
        title=f"{wildcards.split}: {wildcards.result}, classifier {wildcards.classifier}, seed {wildcards.seed}",
    )


run_logged(snakemake.log[0], main)
