"""Refine the confident regions of the fused maps by a dense CRF."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.masks.densecrf import refine_by_densecrf

    files, settings, table = snakemake.input, snakemake.params, Path(snakemake.output.table)
    refine_by_densecrf(
        split_csv=Path(files.split_csv),
        cams_h5=Path(files.cams),
        saliency_csv=Path(files.saliency[0]) if files.saliency else None,
        masks_csv=table,
        folder=table.parent / snakemake.wildcards.split,
        maps=settings.maps,
        parameters=settings.parameters,
        processes=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
