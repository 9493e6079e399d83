"""Compare the masks of one result with the true masks of a split."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.text_lists import read_lines
    from mdc.scores.tables import score_masks

    files = snakemake.input
    score_masks(
        split_csv=Path(files.split_csv),
        masks_csv=[Path(path) for path in files.masks],
        confusion_csv=Path(snakemake.output.confusion),
        images_csv=Path(snakemake.output.images),
        pixels_csv=Path(snakemake.output.pixels),
        classes=read_lines(Path(files.classes)),
        processes=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
