"""What a folder of photos shows before any photo is decoded: whose tags, which classes, which split."""

import difflib
import itertools
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mdc.data.class_names import checked_classes, class_names
from mdc.data.label_colours import is_background
from mdc.data.labels import CLASSES
from mdc.data.locate import CLASS_LISTS, SPLITS, devkit_root
from mdc.data.photo_files import PhotoFiles, photo_files
from mdc.data.tagged_folder import ListedRows, listed_rows
from mdc.data.voc_layout import Layout, layout_root, photos_of_layout, read_layout, split_files
from mdc.runtime.errors import InputError

Source = Literal["folder", "voc_layout"]
TABLES = (".csv", ".tsv", ".json")
ALIKE = 0.85  # of difflib: "cats" and "cat", "Person" and "person"


@dataclass(frozen=True)
class Look:
    """What a folder shows.

    Attributes:
        source: of the key `data.source`.
        classes: of the key `data.classes`; empty where a file of the folder names them, or they are VOC's.
        pictures, tags, named_by, split: a sentence each: which files there are, where the tags come from, who names
            the classes and in which order, and what divides the photos.
        remarks: sentences about what may be meant otherwise.
    """

    source: Source
    classes: tuple[str, ...]
    pictures: str
    tags: str
    named_by: str
    split: str
    remarks: list[str]


def look(
    root: Path,
    *,
    source: Source | None,
    tags_csv: Path | None,
    classes: Sequence[str],
    val_share: float,
    seed: int,
) -> Look:
    """Return what `root` shows; `source`, `tags_csv` and `classes` are what the user has said, or None and empty.

    `val_share` and `seed` are those of the section `data`.

    Raises:
        InputError: there is no such folder, it has no photos, nothing says their tags, or two things do.
    """
    if not root.is_dir():
        raise InputError(f"{root}: {'is a file' if root.exists() else 'there is no such folder'}: name a folder")
    if tags_csv and source == "voc_layout":
        raise InputError("--tags: a folder in VOC's layout has its tags in annotations: leave it out, or --source")
    if source is None:
        source = _source(root, tags_csv)
    if source == "voc_layout":
        return _look_at_layout(layout_root(root), classes=classes, val_share=val_share, seed=seed)
    return _look_at_folder(root, tags_csv, classes=classes, val_share=val_share)


def _source(root: Path, tags_csv: Path | None) -> Source:
    """Return how the folder is read; raises `InputError` if that could be meant in two ways."""
    if tags_csv:
        return "folder"
    devkit, has_table = devkit_root(root), (root / "tags.csv").is_file()
    if devkit and has_table:
        raise InputError(
            f"{root}: has both tags.csv and {devkit.relative_to(root) / 'JPEGImages'}: say which one to use, "
            "--source folder for the table or --source voc_layout for annotations, lists and masks in VOC's layout"
        )
    folders = [path for path in sorted(root.iterdir()) if os.path.isdir(path) and os.access(path, os.X_OK)]
    inner = [folder for folder in folders if (folder / "tags.csv").is_file() or devkit_root(folder)]
    if inner and not (devkit or has_table):
        raise InputError(
            f"{root}: has no tags.csv, but {inner[0]} looks like a folder of photos with tags: give that one, or "
            f"--source folder if {root} holds one folder of photos per class"
        )
    return "voc_layout" if devkit else "folder"


def _look_at_folder(root: Path, tags_csv: Path | None, *, classes: Sequence[str], val_share: float) -> Look:
    found = photo_files(root)
    pictures = _pictures(root, found)
    names = checked_classes(classes, source="--classes") if classes else class_names(root)
    unread = _unread_tables(root, tags_csv or root / "tags.csv")
    try:
        listed = listed_rows(root, tags_csv, found, classes=names)
    except InputError as error:
        raise InputError("\n".join([str(error), *unread])) from error
    if listed.source == "table" and found.annotations:
        unread.append(f"XML files that are not read, because there is a table: {_counted(found.annotations)}")
    tags = set().union(*(row.tags for row in listed.rows))
    has_masks = any(row.mask for row in listed.rows)
    named_by = _named_by_file(root, given=bool(classes))
    chosen = tuple(classes)
    if names is None:
        chosen, named_by = _classes_of_tags(tags, place=listed.place, has_masks=has_masks)
    return Look(
        "folder",
        chosen,
        pictures,
        _tags_of_rows(listed),
        named_by,
        _split_of_rows(listed, val_share=val_share),
        [*unread, *_alike(chosen)],
    )


def _look_at_layout(devkit: Path, *, classes: Sequence[str], val_share: float, seed: int) -> Look:
    pictures = _pictures(devkit / "JPEGImages", photo_files(devkit / "JPEGImages"))
    layout = read_layout(devkit)
    names = checked_classes(classes, source="--classes") if classes else class_names(devkit)
    photos = photos_of_layout(layout, val_share=val_share, seed=seed, problems=[])
    tags = {tag for members in photos.values() for photo in members for tag in photo.tags or ()}
    named_by = _named_by_file(devkit, given=bool(classes))
    chosen = tuple(classes)
    if names is None and layout.masks and tags <= set(CLASSES):
        named_by = "VOC's 20, as there are masks and all tags are among them; --classes or a classes.txt names others"
    elif names is None:
        chosen, named_by = _classes_of_tags(tags, place=devkit, has_masks=bool(layout.masks))
    return Look(
        "voc_layout",
        chosen,
        pictures,
        _tags_of_layout(layout),
        named_by,
        _split_of_layout(devkit, val_share=val_share),
        _alike(chosen),
    )


def _pictures(folder: Path, found: PhotoFiles) -> str:
    paths = [path for paths in found.photos.values() for path in paths]
    if not paths:
        others = f" ({found.passed_over()})" if found.passed_over() else ""
        raise InputError(f"{folder}: has no photos, nor has a folder below it{others}: give the folder of your photos")
    kinds = Counter(path.suffix.lower() for path in paths)
    return f"{len(paths)} in {folder} ({', '.join(f'{number} {kind}' for kind, number in kinds.most_common())})"


def _named_by_file(root: Path, *, given: bool) -> str:
    if given:
        return "those of --classes, in that order"
    return f"those of {next((root / name for name in CLASS_LISTS if (root / name).exists()), root)}, in that order"


def _classes_of_tags(tags: set[str], *, place: Path, has_masks: bool) -> tuple[tuple[str, ...], str]:
    names = sorted(tag for tag in tags if not is_background(tag))
    if not names:
        raise InputError(f"{place}: no photo has a tag, so there is nothing to learn: tag those that show something")
    order = ", in which the masks must number them from 1" if has_masks else ""
    sentence = f"the tags, in alphabetical order{order}; --classes or a classes.txt gives another order"
    return checked_classes(names, source=f"{place}: the tags"), sentence


def _tags_of_rows(listed: ListedRows) -> str:
    return {
        "table": f"the table {listed.place}",
        "annotations": f"the XML beside each photo in {listed.place}",
        "folders": f"the folders in {listed.place}, one per class, as there is no tags.csv and no XML",
    }[listed.source]


def _tags_of_layout(layout: Layout) -> str:
    if layout.annotations:
        return f"the annotations in VOC's layout in {layout.root}"
    return f"the classes that the masks in {layout.root} show, as there are no annotations"


def _split_of_rows(listed: ListedRows, *, val_share: float) -> str:
    given = [split for split in SPLITS if any(row.split == split for row in listed.rows)]
    divided = any(row.split is None for row in listed.rows)
    named_by = f"the column split of {listed.place}" if listed.source == "table" else "the folders' names"
    if not given:
        return f"nothing divides the photos, so {_kept_aside(val_share)}"
    return f"{', '.join(given)} by {named_by}" + (f"; of the others, {_kept_aside(val_share)}" if divided else "")


def _split_of_layout(devkit: Path, *, val_share: float) -> str:
    files = [path for path in split_files(devkit).values() if path.exists()]
    if not files:
        return f"no list in {devkit / 'ImageSets'} divides the photos, so {_kept_aside(val_share)}"
    return f"the lists {', '.join(path.name for path in files)} in {files[0].parent}"


def _kept_aside(val_share: float) -> str:
    return f"{val_share * 100:.0f} % are kept aside for validation, more or less where there are few (data.val_share)"


def _unread_tables(root: Path, table: Path) -> list[str]:
    """Return sentences about other files than `table` in which tags may be; none without such files."""
    files = [path for path in sorted(root.iterdir()) if path.is_file() and path != table]
    tables = [path for path in files if path.suffix.lower() in TABLES]
    if not tables:
        return []
    return [f"tables that are not read: {_counted(tables)}; --tags {tables[0]} takes the tags from it"]


def _counted(paths: Sequence[Path]) -> str:
    shown = ", ".join(path.name for path in paths[:3])
    return f"{shown} and {len(paths) - 3} more" if len(paths) > 3 else shown


def _alike(classes: Sequence[str]) -> list[str]:
    return [
        f"'{one}' and '{other}' look like one class written in two ways: correct the tags if so"
        for one, other in itertools.combinations(classes, 2)
        if difflib.SequenceMatcher(None, one.lower(), other.lower()).ratio() >= ALIKE
    ]
