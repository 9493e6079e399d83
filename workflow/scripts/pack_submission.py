"""Check the masks of the test images and pack them for VOC's server."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.text_lists import read_lines
    from mdc.submission import pack_submission

    files, settings = snakemake.input, snakemake.params
    pack_submission(
        split_csv=Path(files.split_csv),
        root=Path(settings.root),
        masks_csv=Path(files.masks),
        archive=Path(snakemake.output.archive),
        classes=len(read_lines(Path(files.classes))),
        competition=settings.competition,
        processes=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
