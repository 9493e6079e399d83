"""Check all photos, tags and masks and list them in one table per split."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.manifest import write_manifests
    from mdc.data.tagged_folder import link_folder
    from mdc.data.voc_layout import link_voc_layout
    from mdc.data.voc_sbd import link_voc_sbd
    from mdc.storage.image_tables import read_table

    files, settings = snakemake.input, snakemake.params
    root, folder = Path(settings.root), Path(snakemake.output.train).parent
    common = {"plain_folder": folder, "max_side_px": settings.max_side_px, "processes": snakemake.threads}
    undivided = {"classes": settings.classes, "val_share": settings.val_share, "seed": settings.split_seed}
    if settings.source == "voc":
        splits = link_voc_sbd(
            root,
            sbd_root=Path(settings.sbd_root) if settings.sbd_root else None,
            sbd_masks=read_table([Path(files.sbd_masks)]) if files.sbd_masks else {},
            test_root=Path(files.test).parent if files.test else None,
            train_list=settings.train_list,
            expected_images=settings.expected_images,
            **common,
        )
    elif settings.source == "folder":
        splits = link_folder(root, Path(settings.tags_csv) if settings.tags_csv else None, **undivided, **common)
    else:
        splits = link_voc_layout(root, **undivided, **common)
    write_manifests(splits.tables, splits.classes, splits.tag_differences, folder=folder)


run_logged(snakemake.log[0], main)
