"""Download a file from the first of its sources that has it, and unpack it if it is an archive."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.downloads.archives import bring_folder
    from mdc.downloads.download import Patience, download
    from mdc.downloads.source import Wanted
    from mdc.runtime.files import write_whole

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
    file, ready, patience = Path(settings.file), Path(snakemake.output.ready), Patience(**settings.patience)
    if settings.members:
        keep = settings.keep_archive
        bring_folder(wanted, file, ready.parent, members=settings.members, patience=patience, keep_archive=keep)
    else:
        download(wanted, file, patience)
    write_whole(ready, f"{wanted.label}, {wanted.hash}\n".encode())


run_logged(snakemake.log[0], main)
