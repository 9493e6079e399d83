"""Make the baseline masks: salient pixels get the tagged class with the highest map."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.masks.salient import fuse_salient_masks

    files, table = snakemake.input, Path(snakemake.output.table)
    fuse_salient_masks(
        split_csv=Path(files.split_csv),
        cams_h5=Path(files.cams),
        saliency_csv=Path(files.saliency[0]),
        threshold_json=Path(files.threshold),
        masks_csv=table,
        folder=table.parent / snakemake.wildcards.split,
        maps=snakemake.params.maps,
        processes=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
