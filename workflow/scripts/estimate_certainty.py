"""Estimate how sure the pseudo masks of the training images are, without true masks."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.masks.certainty import estimate_certainty

    files = snakemake.input
    estimate_certainty(
        split_csv=Path(files.split_csv),
        cams_h5=[Path(path) for path in files.cams],
        saliency_csv=Path(files.saliency[0]) if files.saliency else None,
        masks_csv=Path(files.masks),
        certainty_csv=Path(snakemake.output.certainty),
        name=snakemake.wildcards.masks,
        maps=snakemake.params.maps,
        processes=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
