"""Unpack the archive of VOC's test images that the user has."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.downloads.archives import unpack
    from mdc.runtime.files import write_whole

    settings, ready = snakemake.params, Path(snakemake.output.ready)
    archive = Path(snakemake.input.archive)
    unpack(
        archive,
        ready.parent,
        members=settings.members,
        unpacked_mb=settings.unpacked_mb,
        is_known=False,
        must_hold=settings.must_hold,
    )
    write_whole(ready, f"{archive.name}\n".encode())


run_logged(snakemake.log[0], main)
