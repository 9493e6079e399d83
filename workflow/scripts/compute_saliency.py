"""Compute or check the saliency maps of a shard of the images."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.manifest import read_manifest
    from mdc.runtime.shards import shard_of
    from mdc.saliency.external import maps_of_images
    from mdc.saliency.ground_truth import write_true_objects
    from mdc.saliency.maps import write_saliency
    from mdc.storage.image_tables import write_table

    wildcards, settings = snakemake.wildcards, snakemake.params
    table = shard_of(read_manifest(Path(snakemake.input.split_csv)), int(wildcards.shard), int(wildcards.shards))
    if wildcards.source == "folder":
        rows = maps_of_images(
            table,
            own_folder=Path(settings.own_folder),
            by_rbd=settings.by_rbd,
            computed_folder=Path(settings.folder),
            processes=snakemake.threads,
        )
    elif wildcards.source == "truth":
        rows = write_true_objects(table, folder=Path(settings.folder), processes=snakemake.threads)
    else:
        images = list(zip(table["id"], map(Path, table["image"]), strict=True))
        rows = write_saliency(images, folder=Path(settings.folder), processes=snakemake.threads)
    write_table(rows, Path(snakemake.output.table))


run_logged(snakemake.log[0], main)
