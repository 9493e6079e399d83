"""Linking a folder in PASCAL VOC's layout: JPEGImages, Annotations, ImageSets, SegmentationClass."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from mdc.data.annotations import read_tags
from mdc.data.class_names import checked_classes, class_names
from mdc.data.labels import CLASSES
from mdc.data.locate import SPLITS, devkit_root
from mdc.data.splits import split_by_hash
from mdc.data.text_lists import read_list
from mdc.data.validate_images import Photo, SplitTables, id_problem, problems_error, split_tables
from mdc.runtime.errors import InputError
from mdc.runtime.logs import logger

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png")


def link_voc_layout(
    root: Path,
    *,
    classes: Sequence[str],
    plain_folder: Path,
    max_side_px: int,
    val_share: float,
    seed: int,
    processes: int,
) -> SplitTables:
    """Return the manifests of `root`, a folder in VOC's layout or its parent: train, val, and test if it is listed.

    Classes are `classes`, else those of classes.txt, else VOC's 20. Splits are the lists in ImageSets/Segmentation,
    else in ImageSets/Main, else all images, divided by `val_share` and `seed`. Images of test need no annotation, no
    image needs a mask. See `checks.split_tables` for the checks and for `plain_folder`.
    Raises one `InputError` that lists all problems.
    """
    root = layout_root(Path(root))
    names = checked_classes(classes, source="data.classes") if classes else class_names(root) or CLASSES
    images, problems = images_by_id(root)
    members = _members(root, images, val_share=val_share, seed=seed, problems=problems)
    photos = {
        split: listed_photos(root, ids, images=images, split=split, other_masks={}, problems=problems)
        for split, ids in members.items()
    }
    return split_tables(
        photos,
        classes=names,
        problems=problems,
        plain_folder=plain_folder,
        max_side_px=max_side_px,
        processes=processes,
    )


def layout_root(root: Path) -> Path:
    """Return the folder with JPEGImages, `root` or below it; raises `InputError` when there is none."""
    found = devkit_root(root)
    if found is None:
        raise InputError(f"{root}: has no folder JPEGImages (nor VOC2012/JPEGImages): name the folder that holds it")
    return found


def images_by_id(root: Path) -> tuple[dict[str, Path], list[str]]:
    """Return id -> photo of all photos in `root`/JPEGImages, and a sentence for each id that two files have."""
    folder = root / "JPEGImages"
    images: dict[str, Path] = {}
    problems = []
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = Path(place, name)
            if path.suffix.lower() not in PHOTO_SUFFIXES or name.startswith("."):
                continue
            id = path.relative_to(folder).with_suffix("").as_posix()
            if id in images:
                problems.append(f"{path}: has the same id as {images[id].name}: rename or remove one")
            images.setdefault(id, path)
    return images, problems


def _members(
    root: Path, images: dict[str, Path], *, val_share: float, seed: int, problems: list[str]
) -> dict[str, list[str]]:
    for kind in ("Segmentation", "Main"):
        lists = {split: root / "ImageSets" / kind / f"{split}.txt" for split in SPLITS}
        if any(path.exists() for path in lists.values()):
            break
    else:
        if len(images) < 2:
            raise problems_error(
                [
                    *problems,
                    f"{root / 'JPEGImages'}: training and validation need at least two images, it holds {len(images)}",
                ]
            )
        logger.info("%s has no lists in ImageSets: every image is put into train or val by val_share", root)
        split_of = split_by_hash(images, val_share=val_share, seed=seed)
        return {split: [id for id in images if split_of[id] == split] for split in ("train", "val")}
    members: dict[str, list[str]] = {"train": [], "val": []}
    for split, path in lists.items():
        if not path.exists():
            if split != "test":
                problems.append(f"{path}: is missing: write it, or remove all lists to divide images by val_share")
            continue
        try:
            members[split] = read_list(path)
        except InputError as error:
            problems.append(str(error))
            continue
        if not members[split]:
            problems.append(f"{path}: is empty: list image ids, one a line")
    return members


def listed_photos(
    root: Path,
    ids: Sequence[str],
    *,
    images: Mapping[str, Path],
    split: str,
    other_masks: Mapping[str, str],
    problems: list[str],
) -> list[Photo]:
    """Return the images of a list as far as they can be looked at; what is wrong with any of them joins `problems`.

    `images` is what `images_by_id` found. A mask is that of `root`/SegmentationClass, else that of `other_masks`.
    """
    found = []
    for id in ids:
        photo = _photo(root, id, images=images, split=split, other_masks=other_masks, problems=problems)
        if photo is not None:
            found.append(photo)
    return found


def _photo(
    root: Path,
    id: str,
    *,
    images: Mapping[str, Path],
    split: str,
    other_masks: Mapping[str, str],
    problems: list[str],
) -> Photo | None:
    problem = id_problem(id)
    if problem:
        problems.append(f"image id '{id}' in {split} {problem}")
        return None
    if id not in images:
        problems.append(
            f"{root / 'JPEGImages' / id}.jpg: is missing, but '{id}' is in {split}: add it or take it off the list"
        )
        return None
    xml = root / "Annotations" / f"{id}.xml"
    tags: set[str] = set()
    if xml.exists():
        try:
            tags = read_tags(xml)
        except InputError as error:
            problems.append(str(error))
    elif split != "test":
        problems.append(f"{xml}: is missing, so '{id}' in {split} has no tags: add it or take the image off the list")
    mask = root / "SegmentationClass" / f"{id}.png"
    if not mask.exists():
        mask = Path(other_masks[id]) if id in other_masks else None
    return Photo(
        id=id,
        image=images[id],
        mask=mask,
        tags=frozenset(tags),
        tags_source=str(xml),
    )
