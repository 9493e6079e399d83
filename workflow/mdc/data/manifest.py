"""The table of a split's images, the only thing later stages know about where photos, masks and tags come from."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas

from mdc.runtime.errors import InputError
from mdc.runtime.files import write_whole
from mdc.storage.image_tables import read_rows

SIDES = ("height", "width", "own_height", "own_width")
COLUMNS = ("id", "image", "tags", "mask", "height", "width", "own_mask", "own_height", "own_width", "digest")
PIXELS = r"[1-9][0-9]{0,5}"  # of a side


def read_manifest(path: Path) -> pandas.DataFrame:
    """Return the manifest at `path`, one row per image, in the file's order.

    Columns: `id`; `image`, path of a plain photo; `tags`, class names joined by ";" in class order, empty for none;
    `mask`, path or empty; `height` and `width` of both in pixels; `own_mask`, `own_height` and `own_width`, the same
    of the original photo as a viewer shows it, which differ where it was reduced to `data.max_side_px`; `digest`, the
    `photo_digest` of `image` and `own_mask`. All are str but the sides, which are int.
    Networks see `image` and learn from `mask`; scores are against `own_mask`.
    Raises `InputError` when the file is missing, damaged or not a manifest.
    """
    try:
        table = read_rows(path, COLUMNS)
    except InputError as error:
        raise InputError(f"{error}; a manifest comes from the data stage") from error
    for side in SIDES:
        strange = ~table[side].str.fullmatch(PIXELS)
        if strange.any():
            raise InputError(
                f"{path}: the {side} '{table[side][strange].iloc[0]}' is not a number of pixels: remove the file and "
                "run the data stage again"
            )
        table[side] = table[side].astype(int)
    return table


def photo_digest(image: Path, own_mask: Path | None) -> str:
    """Return 16 hex digits of the SHA-256 of the bytes of a plain photo and of its mask."""
    digest = hashlib.sha256(image.read_bytes())
    if own_mask is not None:
        digest.update(own_mask.read_bytes())
    return digest.hexdigest()[:16]


def check_unchanged(row: Any) -> None:
    """Raise `InputError` if the photo or the mask of a row of a manifest is another than when the data stage read it.

    Stages that read photos anew call it: what earlier ones made, such as saliency, would be of another photo.
    """
    try:
        digest = photo_digest(Path(row.image), Path(row.own_mask) if row.own_mask else None)
    except OSError as error:
        raise InputError(f"{row.image}: the photo or its mask cannot be read ({error}): restore it") from error
    if digest != row.digest:
        raise InputError(
            f"{row.image}: the photo or its mask has changed since the data stage: run the same command with "
            "--forcerun link_data"
        )


def write_manifest(table: pandas.DataFrame, path: Path) -> None:
    """Write `table`, with exactly the columns of a manifest, to `path` as CSV, whole or not at all."""
    if tuple(table.columns) != COLUMNS:
        raise ValueError(f"a manifest has the columns {COLUMNS}, not {tuple(table.columns)}")
    write_whole(Path(path), table.to_csv(index=False, lineterminator="\n").encode())


def write_manifests(
    tables: Mapping[str, pandas.DataFrame], classes: Sequence[str], tag_differences: pandas.DataFrame, *, folder: Path
) -> None:
    """Write a data stage's tables to `folder`.

    These are `<split>.csv` for train, val and test (without rows where there is no such split), `classes.txt` and
    `tag_differences.csv` (see `mdc.data.validate_images.SplitTables`).
    """
    for split in ("train", "val", "test"):
        write_manifest(tables.get(split, pandas.DataFrame(columns=list(COLUMNS))), folder / f"{split}.csv")
    write_whole(folder / "classes.txt", "".join(f"{name}\n" for name in classes).encode())
    write_whole(folder / "tag_differences.csv", tag_differences.to_csv(index=False, lineterminator="\n").encode())


def tag_indices(tags: str, classes: Sequence[str]) -> list[int]:
    """Return the mask indices (1 to K) of the `tags` of one image, class names joined by ";", in rising order.

    Raises `InputError` when a tag is none of the `classes` or is listed twice.
    """
    try:
        indices = sorted(classes.index(tag) + 1 for tag in tags.split(";")) if tags else []
    except ValueError as error:
        raise InputError(f"the manifest's tags '{tags}' are not all classes: run the data stage again") from error
    if len(set(indices)) < len(indices):
        raise InputError(f"the manifest's tags '{tags}' name a class twice: run the data stage again")
    return indices


def tag_matrix(table: pandas.DataFrame, classes: Sequence[str]) -> np.ndarray:
    """Return the tags of all images as float32 (N, K), 1 where image n is tagged with class k, else 0.

    Column k is mask index k + 1. Raises `InputError` when a tag is none of the `classes`.
    """
    matrix = np.zeros((len(table), len(classes)), dtype=np.float32)
    for row, tags in enumerate(table["tags"]):
        matrix[row, [index - 1 for index in tag_indices(tags, classes)]] = 1
    return matrix


def as_written(path: Path) -> str:
    """Return `path` as manifests hold it: relative to the current folder if inside it, else absolute."""
    absolute = Path(os.path.abspath(path))  # not resolve(): a linked data folder keeps the name its owner gave it
    here = Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)
