"""Files that are either whole or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from mdc.runtime.disk import PROBE_BYTES, disk_faults_named, disk_sentence, is_disk_fault
from mdc.runtime.errors import InputError


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` to `path`, making its folders; a run stopped half-way leaves the old file or none.

    Raises `InputError` where the disk is full or may not be written to.
    """
    with written_whole(path) as temporary:
        temporary.write_bytes(data)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to, which is renamed to `path` when the block ends well.

    For writers that need a path. When the block raises, what it has written is removed: a full disk has room again. The
    temporary name is fixed, so that the next attempt replaces the file of a killed one; links of that name are removed.

    Raises:
        InputError: the disk is full or not writable, whatever exception the writer raised.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    with disk_faults_named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException as error:
        refusal = error if is_disk_fault(error) else None
        if refusal is None and isinstance(error, Exception) and not isinstance(error, InputError):
            refusal = _refusal(temporary)
        sentence = disk_sentence(refusal, path) if refusal else ""
        with suppress(OSError):
            os.truncate(temporary, 0)  # some libraries never close a file that they failed to write
            temporary.unlink()
        if sentence:
            raise InputError(sentence) from error
        raise


def open_unlinked(path: Path, mode: str) -> IO:
    """Open a file with a fixed temporary name; a link of that name, which others may have put there, is removed."""
    if path.is_symlink():
        path.unlink()
    return open(path, mode, opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o666))


def _refusal(path: Path) -> OSError | None:
    """Return the disk's error on writing a few more bytes to the file; None if they can be written.

    Asked because writers hide it: PyTorch raises a RuntimeError about positions, others an error about the error.
    """
    try:
        with open(path, "ab") as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error
    return None
