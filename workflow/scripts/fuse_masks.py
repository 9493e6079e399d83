"""Fuse the maps of one setting and make a pseudo mask of every image."""

from pathlib import Path

from mdc.logs import run_logged


def main() -> None:
    from mdc.masks import fuse_masks

    files, settings = snakemake.input, snakemake.params
    fuse_masks(
        cams_h5=[Path(path) for path in files.cams],
        saliency_csv=[Path(path) for path in files.saliency],
        masks_csv=Path(snakemake.output.table),
        setting=snakemake.wildcards.maps,
        names=settings.names,
        recipe=settings.recipe,
        processes=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
