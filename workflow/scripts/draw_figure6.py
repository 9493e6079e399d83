"""Draw the predictions of a weak and a semi-supervised segmenter without and with CRF, a row per image."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.text_lists import read_lines
    from mdc.figures.paper_figures import draw_figure6

    files, settings = snakemake.input, snakemake.params.settings
    draw_figure6(
        split_csv=Path(files.split_csv),
        images_csv=Path(files.images),
        predictions_csv=dict(zip(settings, map(Path, files.predictions), strict=True)),
        crf_csv=dict(zip(settings, map(Path, files.crf), strict=True)),
        png=Path(snakemake.output.png),
        pdf=Path(snakemake.output.pdf),
        classes=read_lines(Path(files.classes)),
        ids=snakemake.params.ids,
    )


run_logged(snakemake.log[0], main)
