"""Store the class scores of a shard of the images, and palette PNGs of the best class."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.predictions.inference import predict_scores

    wildcards, table = snakemake.wildcards, Path(snakemake.output.table)
    predict_scores(
        split_csv=Path(snakemake.input.split_csv),
        weights_pt=Path(snakemake.input.weights),
        scores_h5=Path(snakemake.output.scores),
        masks_csv=table,
        folder=table.parent / wildcards.split,
        shard=int(wildcards.shard),
        shards=int(wildcards.shards),
        device=snakemake.resources.device,
        gpus=snakemake.resources.gpu,
        threads=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
