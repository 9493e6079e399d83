"""What the data stage will make of a folder: by its own functions, into a temporary folder that is removed."""

import logging
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pandas

from mdc.config.config import Config
from mdc.data.tagged_folder import link_folder
from mdc.data.validate_images import COUNTS, SplitTables
from mdc.data.voc_layout import NO_LISTS, link_voc_layout
from mdc.runtime.logs import logger

NAMED = 3  # of photos that are counted


def linked(config: Config, *, processes: int) -> tuple[SplitTables, list[str]]:
    """Return the tables that the data stage will make, and what it will say in its log, without counts and split.

    Every photo and mask is decoded. Nothing is written but to a temporary folder.

    Raises:
        InputError: the data stage would refuse the folder; lists all problems.
    """
    data = config.data
    settings = {"classes": data.classes, "max_side_px": data.max_side_px, "processes": processes}
    settings |= {"val_share": data.val_share, "seed": data.split_seed}
    root, tags_csv = Path(os.path.normpath(data.root)), Path(data.tags_csv) if data.tags_csv else None
    with tempfile.TemporaryDirectory(prefix="mdc-setup-") as folder, captured_log() as said:
        settings |= {"plain_folder": Path(folder)}
        if data.source == "folder":
            tables = link_folder(root, tags_csv, **settings)
        else:
            tables = link_voc_layout(root, **settings)
    return tables, [sentence.replace(folder, f"results/{config.run}/data") for sentence in said]


@contextmanager
def captured_log() -> Iterator[list[str]]:
    """Give a list to which what the block logs is added, without counts, split and progress, instead of being shown."""
    said: list[str] = []
    handler = _Captured(said)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield said
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


class _Captured(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__()
        self.said = said

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg not in (COUNTS, NO_LISTS) and record.module != "progress":
            self.said.append(record.getMessage())


def counts(tables: SplitTables) -> list[tuple[str, list[int]]]:
    """Return how many photos each split has of each class, without any, with a true mask, and in all; with labels."""
    splits = list(tables.tables.values())
    times = [Counter(tag for joined in table["tags"] for tag in joined.split(";") if tag) for table in splits]
    digits = len(str(len(tables.classes)))
    rows = [(f"{number:>{digits}} {name}", [of[name] for of in times]) for number, name in enumerate(tables.classes, 1)]
    rows.append(("without tags", [int((table["tags"] == "").sum()) for table in splits]))
    rows.append(("with a true mask", [int((table["own_mask"] != "").sum()) for table in splits]))
    return [*rows, ("all", [len(table) for table in splits])]


def untagged(tables: Mapping[str, pandas.DataFrame]) -> list[str]:
    """Return a sentence about the photos of train and val without tags, if there are some."""
    ids = [id for split in ("train", "val") for id in tables[split]["id"][tables[split]["tags"] == ""]]
    if not ids:
        return []
    names = ", ".join(ids[:NAMED]) + ", ..." * (len(ids) > NAMED)
    return [f"photos without tags, taken for photos that show none of the classes: {len(ids)} ({names})"]
