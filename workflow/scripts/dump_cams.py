"""Store the class activation maps of a shard of the images."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.cams.dump import dump_cams

    dump_cams(
        split_csv=Path(snakemake.input.split_csv),
        weights_pt=Path(snakemake.input.weights),
        cams_h5=Path(snakemake.output.cams),
        settings=snakemake.params.settings,
        shard=int(snakemake.wildcards.shard),
        shards=int(snakemake.wildcards.shards),
        device=snakemake.resources.device,
        gpus=snakemake.resources.gpu,
        threads=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
