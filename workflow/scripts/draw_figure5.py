"""Draw the localization maps of every block and their fusion over the photo, a row per image."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.text_lists import read_lines
    from mdc.figures.paper_figures import draw_figure5

    files, settings = snakemake.input, snakemake.params
    draw_figure5(
        split_csv=Path(files.split_csv),
        images_csv=Path(files.images),
        cams_h5=[Path(path) for path in files.cams],
        png=Path(snakemake.output.png),
        pdf=Path(snakemake.output.pdf),
        classes=read_lines(Path(files.classes)),
        setting=settings.setting,
        ids=settings.ids,
    )


run_logged(snakemake.log[0], main)
