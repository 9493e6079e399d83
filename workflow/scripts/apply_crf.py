"""Refine the predictions of a shard of the images."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.crf import apply_crf

    table = Path(snakemake.output.table)
    apply_crf(
        split_csv=Path(snakemake.input.split_csv),
        scores_h5=Path(snakemake.input.scores),
        masks_csv=table,
        folder=table.parent / snakemake.wildcards.split,
        parameters=snakemake.params.parameters,
        processes=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
