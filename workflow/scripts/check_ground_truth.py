"""Check, before anything is trained, that every training image has a true mask."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.ground_truth import check_ground_truth

    check_ground_truth(train_csv=Path(snakemake.input.train_csv), checked_txt=Path(snakemake.output.checked))


run_logged(snakemake.log[0], main)
