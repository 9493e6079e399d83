"""Tables of PNG files (saliency maps, pseudo masks, predictions): what a stage hands on beside a folder of pictures.

Columns: `id`, `path` and `digest`, the first 16 hex digits of the SHA-256 of the file. The digest makes the table
change whenever a picture does, so that Snakemake, which watches the table only, reruns what reads the pictures.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mdc.errors import InputError
from mdc.files import write_whole

COLUMNS = ["id", "path", "digest"]


def file_digest(path: Path) -> str:
    """Return the first 16 hex digits of the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def png_path(folder: Path, image_id: str) -> Path:
    """Return where the picture of an image lies in `folder`; slashes of the id make folders."""
    return folder / f"{image_id}.png"


def write_table(rows: Sequence[tuple[str, str, str]] | pd.DataFrame, path: Path) -> None:
    """Write (id, path, digest) rows; a file that exists is whole."""
    write_whole(path, pd.DataFrame(rows, columns=COLUMNS).to_csv(index=False).encode())


def read_table(paths: Sequence[Path]) -> dict[str, str]:
    """Return id -> path of the PNG, over all shards of a table, in their order.

    Raises:
        InputError: a file is not such a table.
    """
    found: dict[str, str] = {}
    for path in paths:
        table = _read(path)
        found |= dict(zip(table["id"], table["path"], strict=True))
    return found


def _read(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable table: {error}") from error
    if list(table.columns) != COLUMNS:
        raise InputError(f"{path}: the columns are {', '.join(table.columns)}, expected {', '.join(COLUMNS)}")
    return table


def join_tables(paths: Sequence[Path], table_csv: Path) -> None:
    """Write the rows of all shards of a table, in their order, as one table.

    Raises:
        InputError: a file is not such a table, or an image is in it twice.
    """
    rows = pd.concat([_read(path) for path in paths], ignore_index=True)
    twice = rows["id"][rows["id"].duplicated()]
    if len(twice):
        raise InputError(
            f"{paths[0]}: the image {twice.iloc[0]} is in two shards; remove the shards, run the same again"
        )
    write_table(rows, table_csv)


def paths_of(ids: Sequence[str], paths: Sequence[Path]) -> list[str]:
    """Return the PNG of each of `ids` from the table shards `paths`.

    Raises:
        InputError: an id is not in the table; says how many and which.
    """
    found = read_table(paths)
    missing = [image_id for image_id in ids if image_id not in found]
    if missing:
        raise InputError(f"{paths[0]}: no picture of {len(missing)} images, the first is {missing[0]}")
    return [found[image_id] for image_id in ids]


def shard_of(table: pd.DataFrame, shard: int, shards: int) -> pd.DataFrame:
    """Return the rows of shard `shard` (from 0) of `shards` nearly equal parts of consecutive rows."""
    bounds = np.linspace(0, len(table), shards + 1).round().astype(int)
    return table.iloc[bounds[shard] : bounds[shard + 1]]
