"""Fuse the maps of one setting and make a pseudo mask of every image."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.config.experiments import split_variant
    from mdc.masks.fused import fuse_masks

    files, settings = snakemake.input, snakemake.params
    fuse_masks(
        cams_h5=[Path(path) for path in files.cams],
        saliency_csv=[Path(path) for path in files.saliency],
        masks_csv=Path(snakemake.output.table),
        setting=split_variant(snakemake.wildcards.maps)[0],
        names=settings.names,
        recipe=settings.recipe,
        sweep_csv=Path(files.sweep) if files.sweep else None,
        processes=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
