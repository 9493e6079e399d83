"""Make the baseline masks: salient pixels get the tagged class with the highest map."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.config.experiments import split_variant
    from mdc.masks.fused import fuse_salient_masks

    files = snakemake.input
    fuse_salient_masks(
        cams_h5=[Path(path) for path in files.cams],
        saliency_csv=[Path(path) for path in files.saliency],
        threshold_json=Path(files.threshold),
        masks_csv=Path(snakemake.output.table),
        setting=split_variant(snakemake.wildcards.salient)[0].removeprefix("salient-"),
        names=snakemake.params.names,
        processes=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
