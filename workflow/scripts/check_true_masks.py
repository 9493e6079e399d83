"""Check, before anything is trained, that every training image has a true mask."""

from pathlib import Path

from mdc.logs import run_logged


def main() -> None:
    from mdc.true_masks import check_true_masks

    check_true_masks(train_csv=Path(snakemake.input.train_csv), checked_txt=Path(snakemake.output.checked))


run_logged(snakemake.log[0], main)
