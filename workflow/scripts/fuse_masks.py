"""Fuse the maps of one setting and make a pseudo mask of every image of a shard."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.masks.fused import fuse_masks

    files, settings, table = snakemake.input, snakemake.params, Path(snakemake.output.table)
    fuse_masks(
        split_csv=Path(files.split_csv),
        cams_h5=Path(files.cams),
        saliency_csv=Path(files.saliency[0]) if files.saliency else None,
        masks_csv=table,
        folder=table.parent / snakemake.wildcards.split,
        maps=settings.maps,
        recipe=settings.recipe,
        sweep_csv=Path(files.sweep[0]) if files.sweep else None,
        processes=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
