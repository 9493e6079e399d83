"""Files that are either whole or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` to `path`, making its folders; a run stopped half-way leaves the old file or none."""
    with written_whole(path) as temporary:
        temporary.write_bytes(data)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to, which is renamed to `path` when the block ends well.

    For writers that need a path. The temporary name is fixed, so that the next attempt overwrites what a killed one
    has left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    yield temporary
    os.replace(temporary, path)
