"""Compute the saliency maps of a shard of the images by the salient-object network."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.manifest import read_manifest
    from mdc.saliency.onnx import SalientNetwork, write_network_saliency
    from mdc.storage.image_tables import write_table
    from mdc.storage.shards import shard_of

    wildcards, settings, table_csv = snakemake.wildcards, snakemake.params, Path(snakemake.output.table)
    table = shard_of(read_manifest(Path(snakemake.input.split_csv)), int(wildcards.shard), int(wildcards.shards))
    network = SalientNetwork.load(
        Path(settings.network),
        settings.scaling,
        device=snakemake.resources.device,
        gpus=snakemake.resources.gpu,
        threads=snakemake.threads,
    )
    write_table(write_network_saliency(table, network, folder=table_csv.parent / wildcards.split), table_csv)


run_logged(snakemake.log[0], main)
