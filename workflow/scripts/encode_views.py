"""Store the features of every view of a shard of a split's photos."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.features import encode_views

    settings = snakemake.params
    encode_views(
        split_csv=Path(snakemake.input.split_csv),
        features_h5=Path(snakemake.output.features),
        encoder_keys=settings.encoder,
        stage=snakemake.wildcards.stage,
        weights=settings.weights,
        augmentation=settings.augmentation,
        shard=int(snakemake.wildcards.shard),
        shards=int(snakemake.wildcards.shards),
        device=snakemake.resources.device,
        gpus=snakemake.resources.gpu,
        threads=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
