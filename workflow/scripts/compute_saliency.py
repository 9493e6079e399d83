"""Compute or check the saliency maps of a shard of the images."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.manifest import read_manifest
    from mdc.saliency.computed import write_saliency
    from mdc.saliency.external import maps_of_images
    from mdc.saliency.ground_truth import write_true_objects
    from mdc.storage.image_tables import write_table
    from mdc.storage.shards import shard_of

    wildcards, settings, table_csv = snakemake.wildcards, snakemake.params, Path(snakemake.output.table)
    table = shard_of(read_manifest(Path(snakemake.input.split_csv)), int(wildcards.shard), int(wildcards.shards))
    folder = table_csv.parent / wildcards.split
    if wildcards.source == "folder":
        rows = maps_of_images(
            table,
            external_folder=Path(settings.external_folder),
            by_rbd=settings.by_rbd,
            computed_folder=folder,
            processes=snakemake.threads,
        )
    elif wildcards.source == "ground_truth":
        rows = write_true_objects(table, folder=folder, processes=snakemake.threads)
    else:
        images = list(zip(table["id"], map(Path, table["image"]), strict=True))
        rows = write_saliency(images, folder=folder, processes=snakemake.threads)
    write_table(rows, table_csv)


run_logged(snakemake.log[0], main)
