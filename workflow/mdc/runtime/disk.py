"""Disk errors as sentences."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mdc.runtime.errors import InputError

PROBE_BYTES = 1 << 16
_ELSEWHERE = "make it writable or work in another folder"
_ACCESS = "ask its owner for access or work in another folder"
_WHAT_TO_DO = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EFBIG: "allow larger files (ulimit -f)",
    errno.EROFS: _ELSEWHERE,
    errno.EACCES: _ACCESS,
    errno.EPERM: _ACCESS,
    errno.EIO: "have the disk looked at or work in another folder",
    errno.ESTALE: "have the network drive mounted again",
}  # by what a disk says that is full, broken or not to be written to


@contextmanager
def disk_faults_named(path: Path) -> Iterator[None]:
    """Raise `InputError` with `disk_sentence` where the block meets a disk that refuses to be written to."""
    try:
        yield
    except OSError as error:
        if not is_disk_fault(error):
            raise
        raise InputError(disk_sentence(error, path)) from error


def check_writable(folder: Path) -> None:
    """Raise `InputError` where nothing can be written into `folder`, which is made if it is missing."""
    with disk_faults_named(folder):
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(PROBE_BYTES))


def is_disk_fault(error: BaseException) -> bool:
    """Return whether an error says that a disk is full, broken or may not be written to."""
    return isinstance(error, OSError) and error.errno in _WHAT_TO_DO


def disk_sentence(error: OSError, path: Path) -> str:
    """Return why `path` could not be written, how much room there is where, and what to do."""
    advice = _WHAT_TO_DO.get(error.errno, _ELSEWHERE)
    return f"{path}: {error.strerror} ({room(path)}): {advice}, then run the same command again"


def room(path: Path) -> str:
    """Return how much room there is for `path`, and where, as a part of a sentence."""
    # not is_dir(), which raises where a folder above may not be searched
    folder = next(place for place in (path.absolute(), *path.absolute().parents) if os.path.isdir(place))
    inodes, usage = os.statvfs(folder), shutil.disk_usage(folder)
    if inodes.f_files and not inodes.f_favail:
        return f"{folder} has no inode left for another file"
    return f"{usage.free / 1e6:.1f} of {usage.total / 1e6:.1f} MB are free in {folder}"
