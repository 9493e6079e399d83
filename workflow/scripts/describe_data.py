"""Describe the training images and how well saliency finds their objects."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.runtime.files import write_whole
    from mdc.study.dataset_statistics import describe_data

    table = describe_data(
        split_csv=Path(snakemake.input.train_csv),
        saliency_csv=Path(snakemake.input.saliency),
        processes=snakemake.threads,
    )
    write_whole(Path(snakemake.output.table), table.to_csv(index=False).encode())


run_logged(snakemake.log[0], main)
