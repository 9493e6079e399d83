"""Unpack an archive, after its hash was checked once more."""

from pathlib import Path

from mdc.logs import run_logged


def main() -> None:
    from mdc.archives import unpack

    settings = snakemake.params
    unpack(
        Path(snakemake.input.archive),
        Path(snakemake.output.folder),
        top=settings.top,
        wanted=settings.wanted,
        hash=settings.hash,
        unpacked_mb=settings.unpacked_mb,
        advice=settings.advice,
    )


run_logged(snakemake.log[0], main)
