"""List the measures of this run with their digests."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.runtime.hashes import file_digest
    from mdc.storage.image_tables import write_table

    files = [snakemake.input.data, *snakemake.input.maps]
    write_table([(path, path, file_digest(Path(path))) for path in files], Path(snakemake.output.table))


run_logged(snakemake.log[0], main)
