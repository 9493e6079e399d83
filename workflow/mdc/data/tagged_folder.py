"""Linking a plain folder of photos with tags: from a table, from files beside the photos or from folders' names."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from mdc.data.class_names import checked_classes, class_names
from mdc.data.coco import read_coco
from mdc.data.image_ids import id_problem
from mdc.data.names import Names
from mdc.data.photo_files import PhotoFiles, copies, photo_files
from mdc.data.splits import split_by_hash
from mdc.data.tag_sources import Row, rows_beside_photos, rows_of_class_folders
from mdc.data.tags_table import read_tags_table
from mdc.data.validate_images import Photo, SplitTables, split_tables
from mdc.runtime.errors import InputError, listing
from mdc.runtime.logs import logger


def link_folder(
    root: Path,
    tags_csv: Path | None,
    *,
    classes: Sequence[str],
    plain_folder: Path,
    max_side_px: int,
    val_share: float,
    seed: int,
    processes: int,
) -> SplitTables:
    """Return the manifests of the photos below `root`: train, val, and test if there are some.

    `tags_csv` lists them and their tags, see `tags_table.read_tags_table` and, for .json, `coco.read_coco`; None takes
    `root`/tags.csv or, without it, the annotations beside the photos or the folders that they lie in, see
    `mdc.data.tag_sources`. Images without a split are divided by `val_share` and `seed`, copies of a photo on the same
    side. Classes are `classes`, else those of `root`/classes.txt. An id is the image's path without its extension.
    See `validate_images.split_tables` for the checks and for `plain_folder`. Raises one `InputError` that lists all
    problems.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: there is no such folder")
    names = checked_classes(classes, source="data.classes") if classes else class_names(root)
    found = photo_files(root, besides=plain_folder)
    listed = listed_rows(root, tags_csv, found, classes=names)
    problems = listed.problems
    if names is None:
        raise _classes_missing(root, listed.rows)
    photos = photos_of_rows(
        root, listed.rows, found, listed_in=str(listed.place), val_share=val_share, seed=seed, problems=problems
    )
    return split_tables(
        photos,
        classes=names,
        problems=problems,
        plain_folder=plain_folder,
        max_side_px=max_side_px,
        processes=processes,
    )


@dataclass(frozen=True)
class ListedRows:
    """The photos of a folder as their owner listed them.

    Attributes:
        source: what says the tags: a table, annotations beside the photos, or the folders that photos lie in.
        place: the table, else the folder of photos.
        rows: one per photo.
        problems: a sentence for each row that cannot be used.
    """

    source: Literal["table", "annotations", "folders"]
    place: Path
    rows: list[Row]
    problems: list[str]


def listed_rows(root: Path, tags_csv: Path | None, found: PhotoFiles, *, classes: Sequence[str] | None) -> ListedRows:
    """Return the rows of `tags_csv`, else of what `root` has, see `link_folder`; `found` is what lies below `root`.

    Raises `InputError` when the table is not one, or nothing says which tags the photos have.
    """
    if tags_csv is None and (root / "tags.csv").is_file():
        tags_csv = root / "tags.csv"
    if tags_csv and Path(tags_csv).suffix.lower() == ".json":
        return ListedRows("table", Path(tags_csv), read_coco(Path(tags_csv)), [])
    if tags_csv:
        return ListedRows("table", Path(tags_csv), *read_tags_table(Path(tags_csv), classes=classes))
    rows, problems = rows_beside_photos(root, found)
    if rows or problems:
        return ListedRows("annotations", root, rows, problems)
    rows = rows_of_class_folders(root, found)
    if not rows:
        loose = [path for paths in found.photos.values() for path in paths if path.parent == root]
        beside = f" (not in one: {len(loose)}, the first is {loose[0].name})" if len(loose) < len(found.photos) else ""
        raise InputError(
            f"{root}: nothing says which tags its photos have: write tags.csv with the columns image and tags, put an "
            f"XML beside each photo or all photos into one folder per class{beside}"
        )
    return ListedRows("folders", root, rows, [])


def photos_of_rows(
    root: Path,
    rows: Sequence[Row],
    found: PhotoFiles,
    *,
    listed_in: str,
    val_share: float,
    seed: int,
    problems: list[str],
) -> dict[str, list[Photo]]:
    """Return the listed images of each split, see `link_folder`; what is wrong with any of them joins `problems`.

    `listed_in` names the list in messages.
    """
    photo_of = _PhotoOf(root, found.photos)
    kept: dict[str, tuple[Row, Photo]] = {}
    for row in rows:
        photo = photo_of(row, problems)
        if photo is not None and photo.id in kept:
            first, _ = kept[photo.id]
            problems.append(
                f"{row.where}: the image '{row.image}' has the same id '{photo.id}' as the one "
                f"in {first.where}: list each image once, under names that differ in more than the extension"
            )
        elif photo is not None:
            kept[photo.id] = row, photo
    photos = _by_split(list(kept.values()), val_share=val_share, seed=seed)
    for split in ("train", "val"):
        if not photos[split]:
            problems.append(f"{listed_in}: no usable image is in {split}: training needs images in train and in val")
    listed = {path for _, photo in kept.values() for path in (photo.image, photo.mask)}
    unlisted = [path for paths in found.photos.values() for path in paths if path not in listed]
    if unlisted:
        logger.info(
            "images left out because %s does not list them: %d in %s, the first is %s",
            *(listed_in, len(unlisted), root, unlisted[0].relative_to(root)),
        )
    if found.passed_over():
        logger.warning("not photos that are read, passed over in %s: %s", root, found.passed_over())
    return photos


def _classes_missing(root: Path, rows: list[Row]) -> InputError:
    tags = sorted(set().union(*(row.tags for row in rows)))
    headline = (
        f"{root}: the classes are missing: write them to {root / 'classes.txt'}, one a line, in the order of "
        "the mask indices. The tags found, ready to paste once misspelt ones are removed:"
    )
    return InputError(listing(headline, tags))


class _PhotoOf:
    """Finds the files of rows below a folder, in any case and normal form of the rows."""

    def __init__(self, root: Path, photos: dict[str, list[Path]]) -> None:
        self.root, self.photos = root, photos
        self.stems = Names(photos)
        self.names = Names(self._below(path) for paths in photos.values() for path in paths)

    def _below(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def __call__(self, row: Row, problems: list[str]) -> Photo | None:
        """Return the image of `row`, None if it cannot be looked at; what is wrong with the row joins `problems`."""
        problem = id_problem(row.image)
        if problem:
            problems.append(f"{row.where}: the image '{row.image}' {problem}")
            return None
        problem = id_problem(row.mask) if row.mask else None
        if problem:
            problems.append(f"{row.where}: the mask '{row.mask}' {problem}")
            return None
        mask = self._mask(row.mask) if row.mask else None
        candidates = self._candidates(str(PurePosixPath(row.image)), mask)
        if len(candidates) != 1:
            problems.append(f"{row.where}: the image '{row.image}' {self._why_not(row.image, candidates)}")
            return None
        if row.mask and mask is None:
            problems.append(
                f"{row.where}: the mask '{row.mask}' is missing in {self.root}: add it or leave the cell empty"
            )
        image = candidates[0]
        id = Path(self._below(image)).with_suffix("").as_posix()
        return Photo(id=id, image=image, mask=mask, tags=row.tags, tags_source=row.where)

    def _candidates(self, name: str, mask: Path | None) -> list[Path]:
        exact = self.root / name
        if os.path.isfile(exact):
            return [exact]
        named = [self.root / found for found in self.names.find(name)]
        named = named or [path for stem in self.stems.find(name) for path in self.photos[stem]]
        return [path for path in named if path != mask]

    def _mask(self, name: str) -> Path | None:
        exact = self.root / name
        if os.path.isfile(exact):
            return exact
        found = self.names.find(str(PurePosixPath(name)))
        return self.root / found[0] if len(found) == 1 else None

    def _why_not(self, name: str, candidates: list[Path]) -> str:
        if candidates:
            return f"could be {', '.join(path.name for path in candidates)}: write its extension"
        others = [
            path for stem in self.stems.find(str(PurePosixPath(name).with_suffix(""))) for path in self.photos[stem]
        ]
        advice = f"did you mean '{self._below(others[0])}'?" if others else "add it or remove the line"
        advice += r", and write / for \ in paths" if "\\" in name else ""
        return f"is missing in {self.root}: {advice}"


def _by_split(kept: list[tuple[Row, Photo]], *, val_share: float, seed: int) -> dict[str, list[Photo]]:
    photos: dict[str, list[Photo]] = {"train": [], "val": []}
    undivided = {photo.id: photo.image for row, photo in kept if row.split is None}
    divided = split_by_hash(undivided, val_share=val_share, seed=seed, copies=copies(undivided.items()))
    for row, photo in kept:
        photos.setdefault(row.split or divided[photo.id], []).append(photo)
    return photos
