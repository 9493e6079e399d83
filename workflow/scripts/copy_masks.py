"""Check another method's masks of a shard of the images, and copy them."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.text_lists import read_lines
    from mdc.masks.external import copy_masks

    table, wildcards = Path(snakemake.output.table), snakemake.wildcards
    copy_masks(
        split_csv=Path(snakemake.input.split_csv),
        external_folder=Path(snakemake.params.external_folder),
        masks_csv=table,
        folder=table.parent / wildcards.split,
        classes=read_lines(Path(snakemake.input.classes)),
        shard=int(wildcards.shard),
        shards=int(wildcards.shards),
        processes=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
