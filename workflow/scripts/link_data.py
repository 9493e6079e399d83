"""Check all photos, tags and masks and list them in one table per split."""

from pathlib import Path

from mdc.logs import run_logged


def main() -> None:
    from mdc.devkit import link_devkit
    from mdc.folder import link_folder
    from mdc.manifest import write_manifests

    settings = snakemake.params
    root = Path(settings.root)
    common = {
        "classes": settings.classes,
        "plain_folder": Path(snakemake.output.train).parent,
        "max_side_px": settings.max_side_px,
        "val_share": settings.val_share,
        "seed": settings.split_seed,
        "processes": snakemake.threads,
    }
    if settings.source == "folder":
        splits = link_folder(root, Path(settings.tags_csv or root / "tags.csv"), **common)
    else:
        splits = link_devkit(root, **common)
    write_manifests(splits.tables, splits.classes, folder=Path(snakemake.output.train).parent)


run_logged(snakemake.log[0], main)
