"""Download a file from the first of its sources that has it, and unpack it if it is an archive."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.downloads.archives import bring_folder
    from mdc.downloads.download import Patience, download
    from mdc.downloads.source import Wanted
    from mdc.runtime.files import write_whole

    settings, source = snakemake.params, dict(snakemake.params.source)
    patience, keep_archive = Patience(**source.pop("patience")), source.pop("keep_archive")
    wanted = Wanted(hash=settings.hash, **source)
    file, ready = Path(settings.file), Path(snakemake.output.ready)
    if settings.members:
        bring_folder(wanted, file, ready.parent, members=settings.members, patience=patience, keep_archive=keep_archive)
    else:
        download(wanted, file, patience)
    write_whole(ready, f"{wanted.label}, {wanted.hash}\n".encode())


run_logged(snakemake.log[0], main)
