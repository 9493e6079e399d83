"""List the pictures of all shards of a stage in one table."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.storage.image_tables import join_tables

    join_tables([Path(path) for path in snakemake.input.tables], Path(snakemake.output.table))


run_logged(snakemake.log[0], main)
