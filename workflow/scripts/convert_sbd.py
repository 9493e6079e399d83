"""Write SBD's masks as palette PNGs."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.sbd import convert_sbd

    settings = snakemake.params
    convert_sbd(
        Path(settings.root),
        folder=Path(settings.folder),
        table_csv=Path(snakemake.output.table),
        processes=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
