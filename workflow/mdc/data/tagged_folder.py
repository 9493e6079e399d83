"""Linking a plain folder of photos, described by a table of tags."""

import csv
import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mdc.data.class_names import checked_classes, class_names
from mdc.data.locate import SPLITS
from mdc.data.photo_files import photo_files
from mdc.data.splits import split_by_hash
from mdc.data.validate_images import Photo, SplitTables, id_problem, split_tables
from mdc.runtime.errors import InputError, listing
from mdc.runtime.logs import logger

NEEDED = {"image", "tags"}
OPTIONAL = {"split", "mask"}


@dataclass(frozen=True)
class _Row:
    where: str
    image: str
    tags: frozenset[str]
    split: str | None  # None: the table has no such column
    mask: str


def link_folder(
    root: Path,
    tags_csv: Path,
    *,
    classes: Sequence[str],
    plain_folder: Path,
    max_side_px: int,
    val_share: float,
    seed: int,
    processes: int,
) -> SplitTables:
    """Return the manifests of the photos below `root` that `tags_csv` lists: train, val, and test if a row says so.

    Columns of `tags_csv`: image (path below `root`, extension optional), tags (separated by ";", may be empty), and
    optionally split (train, val or test; without it `val_share` and `seed` divide) and mask (path below `root`).
    Classes are `classes`, else those of `root`/classes.txt. An id is the image's path without its extension.
    See `checks.split_tables` for the checks and for `plain_folder`. Raises one `InputError` that lists all problems.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: there is no such folder")
    rows, problems = _rows(Path(tags_csv))
    names = checked_classes(classes, source="data.classes") if classes else class_names(root)
    if names is None:
        raise _classes_missing(root, rows)
    files = photo_files(root, besides=plain_folder)
    kept: dict[str, tuple[_Row, Photo]] = {}
    for row in rows:
        photo = _photo(root, row, files=files, problems=problems)
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
            problems.append(f"{tags_csv}: no usable image is in {split}: training needs images in train and in val")
    listed = {path for _, photo in kept.values() for path in (photo.image, photo.mask)}
    unlisted = sum(path not in listed for paths in files.values() for path in paths)
    if unlisted:
        logger.info("images left out because %s does not list them: %d in %s", tags_csv, unlisted, root)
    return split_tables(
        photos,
        classes=names,
        problems=problems,
        plain_folder=plain_folder,
        max_side_px=max_side_px,
        processes=processes,
    )


def _rows(path: Path) -> tuple[list[_Row], list[str]]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            _check_header(header, path)
            lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text: save it again as 'CSV UTF-8'") from error
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num} is not CSV: fix its quotes ({error})") from error
    if not lines:
        raise InputError(f"{path}: lists no images: write one image a line below the header")
    rows, problems = [], []
    for number, cells in lines:
        where = f"{path}, line {number}"
        if len(cells) != len(header):
            problems.append(
                f"{where}: has {len(cells)} columns, the header {len(header)}: "
                "separate tags by ';' and put a path with a comma in quotes"
            )
            continue
        cell = dict(zip(header, cells, strict=True))
        tags = frozenset(tag.strip() for tag in cell["tags"].split(";") if tag.strip())
        split = cell["split"].strip() if "split" in cell else None
        if split is not None and split not in SPLITS:
            close = difflib.get_close_matches(split.lower(), SPLITS, n=1, cutoff=0.5)
            advice = f"did you mean '{close[0]}'?" if close else "write train, val or test"
            problems.append(f"{where}: the split '{split}' is none of train, val and test: {advice}")
            split = "train"  # so that the image itself is still checked
        rows.append(_Row(where, cell["image"], tags, split, cell.get("mask", "").strip()))
    return rows, problems


def _check_header(header: list[str], path: Path) -> None:
    if len(set(header)) == len(header) and NEEDED <= set(header) <= NEEDED | OPTIONAL:
        return
    hint = ", with commas between the columns" if any(";" in name or "\t" in name for name in header) else ""
    raise InputError(
        f"{path}: the first line must name the columns image,tags and, if wanted, split and mask{hint}: "
        f"it is '{','.join(header)}'"
    )


def _classes_missing(root: Path, rows: list[_Row]) -> InputError:
    tags = sorted(set().union(*(row.tags for row in rows)))
    headline = (
        f"{root}: the classes are missing: write them to {root / 'classes.txt'}, one a line, in the order of "
        "the mask indices. The tags found, ready to paste once misspelt ones are removed:"
    )
    return InputError(listing(headline, tags))


def _photo(root: Path, row: _Row, *, files: dict[str, list[Path]], problems: list[str]) -> Photo | None:
    """Return the image of `row`, None if it cannot be looked at; what is wrong with the row joins `problems`."""
    problem = id_problem(row.image)
    if problem:
        problems.append(f"{row.where}: the image '{row.image}' {problem}")
        return None
    image = root / PurePosixPath(row.image)
    if not image.is_file():
        named = files.get(str(PurePosixPath(row.image)), [])
        candidates = [path for path in named if not row.mask or path != root / row.mask]
        if len(candidates) != 1:
            names = ", ".join(path.name for path in candidates)
            advice = "add it or remove the line" + (r", and write / for \ in paths" if "\\" in row.image else "")
            problems.append(
                f"{row.where}: the image '{row.image}' could be {names}: write its extension"
                if candidates
                else f"{row.where}: the image '{row.image}' is missing in {root}: {advice}"
            )
            return None
        image = candidates[0]
    problem = id_problem(row.mask) if row.mask else None
    if problem:
        problems.append(f"{row.where}: the mask '{row.mask}' {problem}")
        return None
    mask = root / row.mask if row.mask else None
    if mask is not None and not mask.is_file():
        problems.append(f"{row.where}: the mask '{row.mask}' is missing in {root}: add it or leave the cell empty")
        mask = None
    id = image.relative_to(root).with_suffix("").as_posix()
    return Photo(id=id, image=image, mask=mask, tags=row.tags, tags_source=row.where)


def _by_split(kept: list[tuple[_Row, Photo]], *, val_share: float, seed: int) -> dict[str, list[Photo]]:
    photos: dict[str, list[Photo]] = {"train": [], "val": []}
    divided = split_by_hash((photo.id for row, photo in kept if row.split is None), val_share=val_share, seed=seed)
    for row, photo in kept:
        photos.setdefault(row.split or divided[photo.id], []).append(photo)
    return photos
