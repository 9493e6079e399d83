"""Reading a table of tags as people have it: from spreadsheets, from Kaggle and from tools."""

import csv
import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

from mdc.data.locate import SPLITS
from mdc.data.names import nfc
from mdc.data.tag_sources import Row
from mdc.data.text_lists import read_text
from mdc.runtime.errors import InputError
from mdc.runtime.logs import logger

SEPARATORS = ",;\t"
# what columns are called, the first that a table has
IMAGE = (
    "image filename file_name file image_path filepath file_path path image_name image_id imageid img photo id"
).split()
TAGS = ("tags", "tag", "labels", "label", "classes", "class", "categories", "category", "class_name", "label_name")
SPLIT = ("split", "subset")
MASK = ("mask", "mask_path")
PRESENT, ABSENT = ("1", "1.0", "true"), ("0", "0.0", "false", "-1")  # in a column per class


@dataclass(frozen=True)
class _Columns:
    """Which cell of a row is what: places from 0; `of_class` has the columns per class of a table without tags."""

    image: int
    tags: int | None
    split: int | None
    mask: int | None
    of_class: dict[str, int]


def read_tags_table(path: Path, *, classes: Sequence[str] | None) -> tuple[list[Row], list[str]]:
    """Return the rows of a table of tags, and a sentence for each row that cannot be used.

    Columns are separated by comma, semicolon or tab. One has the images; one has the tags, separated by ";", or there
    is a column of 0 and 1 per class; `split` and `mask` are optional. An image in several rows with a tag each has all
    of these tags. The log names columns that are not read.

    Args:
        classes: of the run, None if they are not known; they tell columns of classes from others.

    Raises:
        InputError: the file cannot be read, is not CSV, has other columns or no row.
    """
    header, lines = _cells(path)
    columns = _columns(header, [cells for _, cells in lines], path, classes)
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
        split = cells[columns.split].strip() if columns.split is not None else None
        if split is not None and split not in SPLITS:
            close = difflib.get_close_matches(split.lower(), SPLITS, n=1, cutoff=0.5)
            advice = f"did you mean '{close[0]}'?" if close else "write train, val or test"
            problems.append(f"{where}: the split '{split}' is none of train, val and test: {advice}")
            split = "train"  # so that the image itself is still checked
        mask = cells[columns.mask].strip() if columns.mask is not None else ""
        rows.append(Row(where, cells[columns.image], _tags(cells, columns), split, mask))
    return _joined(rows, path), problems


def _cells(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header and the other rows that are not empty, with their line numbers."""
    text = read_text(path)
    if text.lstrip()[:1] in ("{", "["):
        raise InputError(f"{path}: is JSON, not a table: call it .json if it is COCO's, or export the tags as CSV")
    separator = max(SEPARATORS, key=next(iter(text.splitlines()), "").count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num} is not CSV: fix its quotes ({error})") from error
    return header, lines


def _columns(header: list[str], rows: list[list[str]], path: Path, classes: Sequence[str] | None) -> _Columns:
    names = [name.lower().replace(" ", "_").replace("-", "_") for name in header]
    of_classes = {nfc(name) for name in classes or ()} & {nfc(name) for name in header}
    free = ["" if nfc(name) in of_classes else plain for name, plain in zip(header, names, strict=True)]
    image, tags, split, mask = (
        next((free.index(name) for name in known if name in free), None) for known in (IMAGE, TAGS, SPLIT, MASK)
    )
    used = {place for place in (image, tags, split, mask) if place is not None}
    of_class = {}
    if tags is None:
        of_class = {
            nfc(name): place
            for place, name in enumerate(header)
            if place not in used and name and (nfc(name) in of_classes if classes else _is_binary(place, rows))
        }
    if image is None or (tags is None and not of_class):
        raise InputError(_header_problem(path, header))
    twice = [header[place] for place in used if free.count(free[place]) > 1]
    twice += [name for name in of_class if [nfc(other) for other in header].count(name) > 1]
    if twice:
        raise InputError(f"{path}: the column '{twice[0]}' is there twice: remove one")
    for name, place in of_class.items():
        if not _is_binary(place, rows):
            raise InputError(f"{path}: the column '{name}' has other values than 0 and 1: write 1 if the photo has it")
    lacking = [name for name in classes or () if of_class and nfc(name) not in of_class]
    if lacking:
        raise InputError(
            f"{path}: the class '{lacking[0]}' has no column; those with one are {', '.join(of_class)}: add it, or "
            "remove the class"
        )
    unread = [place for place in range(len(header)) if place not in {*used, *of_class.values()}]
    _check_unread(path, header, [place for place in unread if header[place]])
    named = [header[place] or "one without a name" for place in unread if _has_values(place, rows)]
    if named:
        logger.warning("columns of %s that are not read: %s", path, ", ".join(named))
    return _Columns(image, tags, split, mask, of_class)


def _check_unread(path: Path, header: list[str], unread: list[int]) -> None:
    for place in unread:
        close = difflib.get_close_matches(header[place].lower(), [SPLIT[0], MASK[0]], n=1, cutoff=0.75)
        if close:
            raise InputError(f"{path}: the column '{header[place]}' is not known: did you mean '{close[0]}'?")


def _header_problem(path: Path, header: list[str]) -> str:
    return (
        f"{path}: the first line must name the columns image,tags and, if wanted, split and mask, or image and a "
        f"column of 0 and 1 per class: it is '{','.join(header)}'"
    )


def _is_binary(place: int, rows: list[list[str]]) -> bool:
    return all(row[place].strip().lower() in PRESENT + ABSENT for row in rows if place < len(row))


def _has_values(place: int, rows: list[list[str]]) -> bool:
    return any(row[place].strip() for row in rows if place < len(row))


def _tags(cells: list[str], columns: _Columns) -> frozenset[str]:
    if columns.tags is not None:
        return frozenset(tag.strip() for tag in cells[columns.tags].split(";") if tag.strip())
    return frozenset(name for name, place in columns.of_class.items() if cells[place].strip().lower() in PRESENT)


def _joined(rows: list[Row], path: Path) -> list[Row]:
    """Return the rows with those of one image made one, where each has one tag and nothing else differs."""
    of_image: dict[str, list[Row]] = {}
    for row in rows:
        of_image.setdefault(row.image, []).append(row)
    found, joined = [], 0
    for same in of_image.values():
        if len(same) > 1 and all(len(row.tags) == 1 for row in same) and len({(r.split, r.mask) for r in same}) == 1:
            same = [replace(same[0], tags=frozenset().union(*(row.tags for row in same)))]
            joined += 1
        found += same
    if joined:
        logger.info("images in several rows of %s, a tag in each: %d, their tags were joined", path, joined)
    return found
