"""Compare the masks of one result with the true masks of a split."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.text_lists import read_lines
    from mdc.scores.compare import score_masks

    files, made = snakemake.input, snakemake.output
    score_masks(
        split_csv=Path(files.split_csv),
        masks_csv=Path(files.masks[0]) if files.masks else None,
        confusion_csv=Path(made.confusion),
        images_csv=Path(made.images),
        pixels_csv=Path(made.pixels),
        classes=read_lines(Path(files.classes)),
        processes=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
