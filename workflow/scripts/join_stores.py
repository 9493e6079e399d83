"""Write a file by which the maps or scores of all shards open as one."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.cams.files import LAYOUT as CAMS
    from mdc.predictions.files import LAYOUT as SCORES
    from mdc.storage.hdf5 import link_shards

    layout = CAMS if snakemake.wildcards.path.startswith("cams/") else SCORES
    link_shards([Path(path) for path in snakemake.input.stores], Path(snakemake.output.store), layout)


run_logged(snakemake.log[0], main)
