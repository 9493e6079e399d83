"""Write masks, overlays and areas of new photos."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.predict.segmenter import predict_photos

    predict_photos(
        photos_csv=Path(snakemake.input.photos),
        weights_pt=Path(snakemake.input.weights),
        areas_csv=Path(snakemake.output.areas),
        masks=Path(snakemake.output.masks),
        overlays=Path(snakemake.output.overlays),
        crf=snakemake.params.crf,
        device=snakemake.resources.device,
        gpus=snakemake.resources.gpu,
        processes=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
