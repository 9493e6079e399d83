"""List what the shards of a stage hold in one table, and give the maps or scores of all of them by one file."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    files, made = snakemake.input, snakemake.output
    if files.tables:
        from mdc.storage.image_tables import join_tables

        join_tables([Path(path) for path in files.tables], Path(made.table))
    if files.stores:
        from mdc.storage.hdf5 import CAMS, SCORES, link_shards

        kind = CAMS if snakemake.rule == "list_cams" else SCORES
        link_shards([Path(path) for path in files.stores], Path(made.store), kind=kind)


run_logged(snakemake.log[0], main)
