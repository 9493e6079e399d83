"""Download a file from the first of its sources that has it."""

from pathlib import Path

from mdc.logs import run_logged


def main() -> None:
    from mdc.downloads import Wanted, download

    settings = snakemake.params
    archive_mb, unpacked_mb = settings.megabytes
    wanted = Wanted(
        label=settings.label,
        urls=settings.urls,
        hash=settings.hash,
        archive_mb=archive_mb,
        unpacked_mb=unpacked_mb,
        advice=settings.advice,
    )
    download(wanted, Path(snakemake.output.file), **settings.patience)


run_logged(snakemake.log[0], main)
