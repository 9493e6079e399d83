"""Refine the fused maps' scores by pixel-adaptive mask refinement."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.masks.pamr import refine_by_pamr

    files, settings, table = snakemake.input, snakemake.params, Path(snakemake.output.table)
    refine_by_pamr(
        split_csv=Path(files.split_csv),
        cams_h5=Path(files.cams),
        saliency_csv=Path(files.saliency[0]) if files.saliency else None,
        masks_csv=table,
        folder=table.parent / snakemake.wildcards.split,
        maps=settings.maps,
        parameters=settings.parameters,
        device=snakemake.resources.device,
        gpus=snakemake.resources.gpu,
        threads=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
