"""Linking a folder in PASCAL VOC's layout: JPEGImages, Annotations, ImageSets, SegmentationClass."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mdc.data.annotations import read_tags
from mdc.data.class_names import checked_classes, class_names
from mdc.data.image_ids import id_problem
from mdc.data.label_colours import dataset_colours
from mdc.data.labels import CLASSES
from mdc.data.locate import SPLITS, devkit_root
from mdc.data.names import Names
from mdc.data.photo_files import PHOTO_SUFFIXES, PhotoFiles, copies, photo_files
from mdc.data.splits import split_by_hash
from mdc.data.tag_sources import log_without_annotation, rows_beside_photos
from mdc.data.tagged_folder import photos_of_rows
from mdc.data.text_lists import read_list
from mdc.data.validate_images import Photo, SplitTables, problems_error, split_tables
from mdc.runtime.errors import InputError
from mdc.runtime.logs import logger

MASK_FOLDERS = ("SegmentationClass", "SegmentationClassPNG")  # the second is labelme's
NO_LISTS = "%s has no lists in ImageSets: every image is put into train or val by val_share"  # in the log
MASK_ENDING = "_mask"  # that tools add to the name of the photo


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

    Classes are `classes`, else those of classes.txt or labelmap.txt, else VOC's 20. Splits are the lists in
    ImageSets/Segmentation, else in ImageSets/Main, else all images, divided by `val_share` and `seed`. An image without
    annotation has no objects; without a folder Annotations, tags are the classes of the masks. Images of test need no
    annotation, no image needs a mask. A folder without JPEGImages has photos with an XML beside each.
    See `validate_images.split_tables` for the checks and for `plain_folder`. Raises one `InputError` that lists all
    problems.
    """
    settings = {"plain_folder": plain_folder, "max_side_px": max_side_px, "processes": processes}
    devkit = devkit_root(Path(root))
    names = checked_classes(classes, source="data.classes") if classes else class_names(devkit or root) or CLASSES
    if devkit is None:
        found = photo_files(root, besides=plain_folder)
        rows, problems = rows_beside_photos(root, found)
        if not rows:
            raise _no_layout(root)
        photos = photos_of_rows(
            root, rows, found, listed_in=str(root), val_share=val_share, seed=seed, problems=problems
        )
        return split_tables(photos, classes=names, problems=problems, **settings)
    layout = read_layout(devkit)
    problems = layout.problems
    photos = photos_of_layout(layout, val_share=val_share, seed=seed, problems=problems)
    _log_unused(layout, photos)
    return split_tables(photos, classes=names, problems=problems, colours=dataset_colours(devkit, names), **settings)


def layout_root(root: Path) -> Path:
    """Return the folder with JPEGImages, `root` or below it; raises `InputError` when there is none."""
    found = devkit_root(root)
    if found is None:
        raise _no_layout(root)
    return found


def _no_layout(root: Path) -> InputError:
    return InputError(
        f"{root}: has no folder JPEGImages (nor VOC2012/JPEGImages), and no photo has an XML beside it: name the "
        "folder that holds them"
    )


@dataclass(frozen=True)
class Layout:
    """What a folder in VOC's layout holds.

    Attributes:
        root: with JPEGImages.
        images, annotations, masks: files by image id.
        problems: a sentence for each id that two photos have, and for each folder that may not be read.
        unused: sentences about what is not read, for the log.
    """

    root: Path
    images: dict[str, Path]
    annotations: dict[str, Path]
    masks: dict[str, Path]
    problems: list[str]
    unused: list[str]


def read_layout(root: Path) -> Layout:
    """Return what `root`, a folder with JPEGImages, holds; files belong to an image in any case of their names."""
    folder = root / "JPEGImages"
    found = photo_files(folder)
    images: dict[str, Path] = {}
    problems = []
    for id, paths in found.photos.items():
        problems += [f"{path}: has the same id as {paths[0].name}: rename or remove one" for path in paths[1:]]
        images[id] = paths[0]
    unused = (
        [f"not photos that are read, passed over in {folder}: {found.passed_over()}"] if found.passed_over() else []
    )
    ids = Names(images)
    xml = photo_files(root / "Annotations")
    problems += [*_unreadable(found), *_unreadable(xml)]
    annotations, strange = _by_image(root / "Annotations", xml.annotations, ids)
    unused += _without_photo("annotations", strange)
    annotations = _by_image(folder, found.annotations, ids)[0] | annotations
    masks: dict[str, Path] = {}
    for name in MASK_FOLDERS:
        below = photo_files(root / name)
        problems += _unreadable(below)
        pngs = [path for paths in below.photos.values() for path in paths if path.suffix.lower() == ".png"]
        others = [path for paths in below.photos.values() for path in paths if path.suffix.lower() != ".png"]
        of_image, strange = _by_image(root / name, pngs, ids)
        unused += _without_photo("masks", strange)
        others += below.others
        if others:
            unused.append(f"masks that are not PNGs, passed over: {len(others)}, the first is {others[0]}")
        masks = of_image | masks
    return Layout(root, images, annotations, masks, problems, unused)


def photos_of_layout(layout: Layout, *, val_share: float, seed: int, problems: list[str]) -> dict[str, list[Photo]]:
    """Return the images of each split, see `link_voc_layout`; what is wrong with any of them joins `problems`."""
    members = _members(layout, val_share=val_share, seed=seed, problems=problems)
    return {
        split: listed_photos(layout, ids, split=split, other_masks={}, problems=problems, may_lack_annotation=True)
        for split, ids in members.items()
    }


def split_files(root: Path) -> dict[str, Path]:
    """Return the lists of the splits below `root`, there or not, if there is one of them; else nothing."""
    for kind in ("Segmentation", "Main"):
        files = {split: root / "ImageSets" / kind / f"{split}.txt" for split in SPLITS}
        if any(path.exists() for path in files.values()):
            return files
    return {}


def _by_image(folder: Path, files: Iterable[Path], ids: Names) -> tuple[dict[str, Path], list[Path]]:
    """Return the file of each image, one of its own name before others, and the files that belong to none."""
    found: dict[str, Path] = {}
    strange = []
    for path in files:
        stem = path.relative_to(folder).with_suffix("").as_posix()
        named = ids.find(stem) or ids.find(stem.removesuffix(MASK_ENDING))
        if len(named) != 1:
            strange.append(path)
        elif named[0] not in found or stem == named[0]:
            found[named[0]] = path
    return found, strange


def _unreadable(found: PhotoFiles) -> list[str]:
    refused = [folder for folder in found.unreadable if os.path.lexists(folder)]
    return [f"{folder}: may not be read: ask its owner for access" for folder in refused]


def _without_photo(what: str, paths: Sequence[Path]) -> list[str]:
    return [f"{what} without a photo, not read: {len(paths)}, the first is {paths[0]}"] if paths else []


def _without_suffix(id: str) -> str:
    """Return an id without the extension that some tools write into lists."""
    return id[: -len(Path(id).suffix)] if Path(id).suffix.lower() in PHOTO_SUFFIXES else id


def _log_unused(layout: Layout, photos: Mapping[str, Sequence[Photo]]) -> None:
    listed = {photo.id for members in photos.values() for photo in members}
    unlisted = [id for id in layout.images if id not in listed]
    if unlisted:
        logger.info("photos that no list names, left out: %d, the first is '%s'", len(unlisted), unlisted[0])
    for sentence in layout.unused:
        logger.warning(sentence)


def _members(layout: Layout, *, val_share: float, seed: int, problems: list[str]) -> dict[str, list[str]]:
    root, images = layout.root, layout.images
    lists = split_files(root)
    if not lists:
        if len(images) < 2:
            raise problems_error(
                [
                    *problems,
                    f"{root / 'JPEGImages'}: training and validation need at least two images, it holds {len(images)}",
                ]
            )
        logger.info(NO_LISTS, root)
        split_of = split_by_hash(images, val_share=val_share, seed=seed, copies=copies(images.items()))
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
    layout: Layout,
    ids: Sequence[str],
    *,
    split: str,
    other_masks: Mapping[str, str],
    problems: list[str],
    may_lack_annotation: bool = False,
) -> list[Photo]:
    """Return the images of a list as far as they can be looked at; what is wrong with any of them joins `problems`.

    A mask is that of the layout, else that of `other_masks`. With `may_lack_annotation`, an image without annotation
    has no objects, but those of its mask if no image has an annotation; else it is a problem.
    """
    names = Names(layout.images)
    found, lacking = [], []
    from_masks = may_lack_annotation and not layout.annotations
    for listed in ids:
        id = next(iter(names.find(listed) or names.find(_without_suffix(listed))), listed)
        problem = id_problem(listed)
        if problem:
            problems.append(f"image id '{listed}' in {split} {problem}")
            continue
        if id not in layout.images:
            problems.append(
                f"{layout.root / 'JPEGImages' / id}.jpg: is missing, but '{id}' is in {split}: add it or take it off "
                "the list"
            )
            continue
        xml = layout.annotations.get(id, layout.root / "Annotations" / f"{id}.xml")
        mask = layout.masks.get(id) or (Path(other_masks[id]) if id in other_masks else None)
        tags: set[str] | None = set()
        if id in layout.annotations:
            try:
                tags = read_tags(xml)
            except InputError as error:
                problems.append(str(error))
        elif split != "test":
            tags = None if from_masks and mask else set()
            if not may_lack_annotation or from_masks and not mask:
                problems.append(
                    f"{xml}: is missing, so '{id}' in {split} has no tags: add it or take the image off the list"
                )
            elif not from_masks:
                lacking.append(id)
        tags_of = None if tags is None else frozenset(tags)
        found.append(Photo(id=id, image=layout.images[id], mask=mask, tags=tags_of, tags_source=str(xml)))
    log_without_annotation(lacking, total=len(found), folder=layout.root / "Annotations")
    return found
