"""Tags of a folder of photos without a table: from XML files beside them, or from their folders' names.

A table of tags is read by `mdc.data.tags_table`. A reader of another tool's export is a module that returns rows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mdc.data.annotations import read_tags
from mdc.data.label_colours import is_background
from mdc.data.names import Names
from mdc.data.photo_files import PhotoFiles
from mdc.runtime.errors import InputError
from mdc.runtime.logs import logger

SPLIT_FOLDERS = {"train": ("train", "training"), "val": ("val", "valid", "validation"), "test": ("test", "testing")}


@dataclass(frozen=True)
class Row:
    """An image as its owner listed it.

    Attributes:
        where: in messages, the place of its tags.
        image: path below the folder of photos, extension optional.
        tags: class names.
        split: train, val or test; None where nothing says which.
        mask: path below the folder of photos; empty for none.
    """

    where: str
    image: str
    tags: frozenset[str]
    split: str | None = None
    mask: str = ""


def rows_beside_photos(root: Path, found: PhotoFiles) -> tuple[list[Row], list[str]]:
    """Return a row per photo with the tags of the VOC annotation beside it, <photo>.xml, and a sentence per problem.

    No rows if no photo has one. A photo without one has no objects, since tools write no empty annotation; the log
    counts these. Folders called train, val and test are the splits.
    """
    xml = {path.relative_to(root).with_suffix("").as_posix(): path for path in found.annotations}
    names, folders = Names(xml), _split_folders(found)
    rows, problems, without = [], [], []
    for id, image in _each(found):
        annotation = next((xml[name] for name in names.find(id)), None)
        tags: set[str] = set()
        if annotation is None:
            without.append(id)
        else:
            try:
                tags = read_tags(annotation)
            except InputError as error:
                problems.append(str(error))
        where = str(annotation or image)
        rows.append(Row(where, image.relative_to(root).as_posix(), frozenset(tags), _split(id, folders)))
    if len(without) == len(rows):
        return [], []
    log_without_annotation(without, total=len(rows), folder=root)
    return rows, problems


def rows_of_class_folders(root: Path, found: PhotoFiles) -> list[Row]:
    """Return a row per photo of `root`/<class>/ or `root`/<split>/<class>/, tagged with the name of that folder.

    No rows unless every photo, but those of test, lies in such a folder. One called background has photos without
    objects.
    """
    folders = _split_folders(found)
    rows = []
    for id, image in _each(found):
        above = PurePosixPath(id).parts[:-1]
        above = above[1:] if folders else above
        split = _split(id, folders)
        if not above and split != "test":  # images of test need no tags
            return []
        tags = frozenset(name for name in above[:1] if not is_background(name))
        rows.append(Row(str(image), image.relative_to(root).as_posix(), tags, split))
    return rows


def log_without_annotation(without: list[str], *, total: int, folder: Path) -> None:
    """Say in the log how many of all images have no annotation, which are taken for images without objects."""
    if without:
        logger.warning(
            "images without an XML in %s, taken for images without objects: %d of %d, the first is '%s'",
            *(folder, len(without), total, without[0]),
        )


def _each(found: PhotoFiles) -> Iterator[tuple[str, Path]]:
    for id, paths in found.photos.items():
        for path in paths:
            yield id, path


def _split_folders(found: PhotoFiles) -> dict[str, str]:
    """Return folder -> split if all photos lie in folders named after splits, one of them train; else nothing."""
    tops = {PurePosixPath(id).parts[0] if "/" in id else "" for id in found.photos}
    known = {top: split for top in tops for split, names in SPLIT_FOLDERS.items() if top.lower() in names}
    return known if len(known) == len(tops) and "train" in known.values() else {}


def _split(id: str, folders: Mapping[str, str]) -> str | None:
    split = folders.get(PurePosixPath(id).parts[0])
    return None if split == "train" and "val" not in folders.values() else split
