"""Store the class scores of a shard of the images, and palette PNGs of the best class."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.text_lists import read_lines
    from mdc.predictions.predict import predict_scores

    files, settings = snakemake.input, snakemake.params
    predict_scores(
        split_csv=Path(files.split_csv),
        weights_pt=Path(files.weights),
        scores_h5=Path(snakemake.output.scores),
        masks_csv=Path(snakemake.output.table),
        folder=Path(settings.folder),
        classes=read_lines(Path(files.classes)),
        network=settings.network,
        shard=int(snakemake.wildcards.shard),
        shards=int(snakemake.wildcards.shards),
        device=snakemake.resources.device,
        gpus=snakemake.resources.gpu,
        threads=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
