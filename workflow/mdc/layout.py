"""Where things lie in a folder of data; standard library only, every start of the workflow reads it."""

from pathlib import Path

SPLITS = ("train", "val", "test")


def devkit_root(root: Path) -> Path | None:
    """Return the folder with JPEGImages: `root` itself or VOC2012 below it; None if there is none."""
    candidates = (root, root / "VOC2012", root / "VOCdevkit" / "VOC2012")
    return next((folder for folder in candidates if (folder / "JPEGImages").is_dir()), None)


def watched_files(source: str, *, root: Path, tags_csv: str) -> list[str]:
    """Return the files of a folder of data whose change means other tables: lists, tags and class names, sorted.

    Photos, masks and annotations are not among them: a job graph must not grow with the number of images.
    """
    if source == "folder":
        return [tags_csv or str(root / "tags.csv"), *map(str, root.glob("classes.txt"))]
    found = devkit_root(root) or root
    lists = [found / "ImageSets" / kind / f"{split}.txt" for kind in ("Segmentation", "Main") for split in SPLITS]
    return sorted(str(path) for path in [*lists, found / "classes.txt"] if path.is_file())
