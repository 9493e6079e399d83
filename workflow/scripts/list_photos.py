"""Check all photos of the folder to predict and list them."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.predict.photos import list_photos

    list_photos(
        root=Path(snakemake.params.root),
        besides=Path(snakemake.params.besides),
        photos_csv=Path(snakemake.output.table),
        processes=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
