"""Tables of PNG files (saliency maps, pseudo masks, predictions), which list the pictures that a stage wrote.

Columns: `id`, `path` and `digest`, the first 16 hex digits of the SHA-256 of the file. The digest makes the table
change whenever a picture does, so that Snakemake, which watches the table only, reruns what reads the pictures.
"""

import re
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import pandas as pd

from mdc.runtime.errors import InputError
from mdc.runtime.files import write_whole

COLUMNS = ["id", "path", "digest"]
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def png_path(folder: Path, image_id: str) -> Path:
    """Return where the picture of an image lies in `folder`; slashes of the id make folders."""
    return folder / f"{image_id}.png"


def write_table(rows: Sequence[tuple[str, str, str]] | pd.DataFrame, path: Path) -> None:
    """Write (id, path, digest) rows; a file that exists is whole."""
    write_whole(path, pd.DataFrame(rows, columns=COLUMNS).to_csv(index=False).encode())


def read_rows(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Return a CSV that a stage wrote as text, a row per image; the first column is its id, the last one never empty.

    pandas alone would take the cells of rows that are too long for an index, fill up rows that are too short, and end
    cells at a NUL.

    Raises:
        InputError: the file is missing, cut off, no such table, or has an id twice or none.
    """
    advice = "remove it and run the same command again"
    try:
        data = path.read_bytes()
        table = pd.read_csv(BytesIO(data), header=None, dtype=str, na_filter=False, encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: not a readable table ({error.strerror}): {advice}") from error
    except ValueError as error:  # of pandas, which also stands for other encodings
        raise InputError(f"{path}: not a readable table ({str(error).strip()}): {advice}") from error
    header = list(table.iloc[0])
    if header != list(columns):
        raise InputError(f"{path}: the columns are {', '.join(header)}, expected {', '.join(columns)}: {advice}")
    table = table.iloc[1:].set_axis(header, axis=1).reset_index(drop=True)
    if not data.endswith((b"\n", b"\r")) or (table[columns[-1]] == "").any():
        raise InputError(f"{path}: a row is cut off: {advice}")
    if _CONTROL.search(data):
        raise InputError(f"{path}: holds control characters, so it is damaged: {advice}")
    ids = table[columns[0]]
    strange = ids.duplicated() | (ids == "")
    if strange.any():
        raise InputError(f"{path}: the id '{ids[strange].iloc[0]}' is empty or listed twice: {advice}")
    return table


def read_table(paths: Sequence[Path]) -> dict[str, str]:
    """Return id -> path of the PNG, over all shards of a table, in their order.

    Raises:
        InputError: a file is not such a table, or two of them have the same id.
    """
    found: dict[str, str] = {}
    for path in paths:
        table = read_rows(path, COLUMNS)
        shared = found.keys() & set(table["id"])
        if shared:
            raise InputError(f"{path}: the id '{min(shared)}' is in another shard as well: remove both, run again")
        found |= dict(zip(table["id"], table["path"], strict=True))
    return found


def join_tables(paths: Sequence[Path], table_csv: Path) -> None:
    """Write the rows of all shards of a table, in their order, as one table.

    Raises:
        InputError: a file is not such a table, or an image is in it twice.
    """
    read_table(paths)  # which refuses what is in two shards
    write_table(pd.concat([read_rows(path, COLUMNS) for path in paths], ignore_index=True), table_csv)


def paths_of(ids: Sequence[str], paths: Sequence[Path]) -> list[str]:
    """Return the PNG of each of `ids` from the table shards `paths`.

    Raises:
        InputError: an id is not in the table; says how many and which.
    """
    found = read_table(paths)
    missing = [image_id for image_id in ids if image_id not in found]
    if missing:
        raise InputError(
            f"{paths[0]}: no picture of {len(missing)} images, the first is {missing[0]}: remove it and run the same "
            "command again"
        )
    return [found[image_id] for image_id in ids]
