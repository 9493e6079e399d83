"""Describe the training images and how well saliency finds their objects."""

from pathlib import Path

from mdc.logs import run_logged


def main() -> None:
    from mdc.calibration import describe_data
    from mdc.files import write_whole

    table = describe_data(
        split_csv=Path(snakemake.input.train_csv),
        saliency_csv=[Path(path) for path in snakemake.input.saliency],
        processes=snakemake.threads,
    )
    write_whole(Path(snakemake.output.table), table.to_csv(index=False).encode())


run_logged(snakemake.log[0], main)
