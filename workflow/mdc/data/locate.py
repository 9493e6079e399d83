"""Where things lie in a folder of data; standard library only, every start of the workflow reads it."""

import os
from collections.abc import Iterable
from pathlib import Path

SPLITS = ("train", "val", "test")
CLASS_LISTS = ("classes.txt", "labelmap.txt")  # the second is CVAT's and Datumaro's
VOC_PARTS = (
    *("JPEGImages", "Annotations", "SegmentationClass"),
    *("ImageSets/Segmentation/train.txt", "ImageSets/Segmentation/val.txt"),
)
NEEDS_SBD = ("trainaug", "trainvalaug")  # of data.train_list
SBD_PARTS = ("cls", "train.txt", "val.txt")


def devkit_root(root: Path) -> Path | None:
    """Return the folder with JPEGImages: `root` itself or VOC2012 below it; None if there is none."""
    candidates = (root, root / "VOC2012", root / "VOCdevkit" / "VOC2012")
    return next((folder for folder in candidates if (folder / "JPEGImages").is_dir()), None)


def watched_files(source: str, *, root: Path, tags_csv: str) -> list[str]:
    """Return the files of a folder of data whose change means other tables: lists, tags and class names, sorted.

    `source` is folder, or anything else for a folder in VOC layout. Photos, masks and annotations are not among them:
    a job graph must not grow with the number of images.
    """
    if source == "folder":
        named = [tags_csv] if tags_csv else list(map(str, root.glob("tags.csv")))
        return [*named, *(str(path) for name in CLASS_LISTS for path in root.glob(name))]
    found = devkit_root(root) or root
    lists = [found / "ImageSets" / kind / f"{split}.txt" for kind in ("Segmentation", "Main") for split in SPLITS]
    return sorted(str(path) for path in [*lists, *(found / name for name in CLASS_LISTS)] if path.is_file())


def may_have_tags(root: Path) -> bool:
    """Return whether a folder of photos has tags.csv, annotations or folders, which can be those of classes."""
    with os.scandir(root) as entries:
        return any(one.name == "tags.csv" or one.name.lower().endswith(".xml") or one.is_dir() for one in entries)


def sbd_dataset(root: Path) -> Path | None:
    """Return SBD's folder with cls/, train.txt and val.txt: `root` itself or a usual place below it; None without."""
    folder, missing = nearest_sbd(root)
    return None if missing else folder


def nearest_sbd(root: Path) -> tuple[Path, list[str]]:
    """Return the folder, `root` or a usual place below it, that has most of SBD's parts, and those it lacks."""
    candidates = (root, root / "dataset", root / "benchmark_RELEASE" / "dataset")
    return min(((folder, missing_from(folder, SBD_PARTS)) for folder in candidates), key=lambda found: len(found[1]))


def has_test_images(root: Path) -> bool:
    """Return whether a folder in VOC's layout lists test images and has the first of them; the list alone is common."""
    test = root / "ImageSets/Segmentation/test.txt"
    first = test.read_text(encoding="utf-8").split()[:1] if test.is_file() else []
    return bool(first) and (root / "JPEGImages" / f"{first[0]}.jpg").is_file()


def missing_from(folder: Path, parts: Iterable[str]) -> list[str]:
    """Return those of `parts`, paths below `folder`, that are not there."""
    return [part for part in parts if not (folder / part).exists()]
