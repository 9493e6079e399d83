"""Files that are either whole or not there, locks, and what a disk has against writing, as a sentence."""

import errno
import fcntl
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mdc.errors import InputError

PROBE_BYTES = 1 << 16
_ELSEWHERE = "make it writable or work in another folder"
_WHAT_TO_DO = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EFBIG: "allow larger files (ulimit -f)",
    errno.EROFS: _ELSEWHERE,
    errno.EACCES: _ELSEWHERE,
    errno.EPERM: _ELSEWHERE,
    errno.EIO: "have the disk looked at or work in another folder",
    errno.ESTALE: "have the network drive mounted again",
}  # by what a disk says that is full, broken or not to be written to


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
    temporary name is fixed, so that the next attempt overwrites what a killed one has left.

    Raises:
        InputError: the disk is full or may not be written to, whatever the writer made of it.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    with disk_faults_named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
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


def _refusal(path: Path) -> OSError | None:
    """Return what the disk says to a few more bytes at the end of the file; None if it takes them.

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
    return f"{path}: {error.strerror} ({room(path)}): {advice}, then run the same again"


def room(path: Path) -> str:
    """Return how much room there is for `path`, and where, as a part of a sentence."""
    folder = next(place for place in (path.absolute(), *path.absolute().parents) if place.is_dir())
    inodes, usage = os.statvfs(folder), shutil.disk_usage(folder)
    if inodes.f_files and not inodes.f_favail:
        return f"{folder} has no inode left for another file"
    return f"{usage.free / 1e6:.1f} of {usage.total / 1e6:.1f} MB are free in {folder}"


@contextmanager
def locked(path: Path, *, what: str) -> Iterator[None]:
    """Hold a lock that belongs to `path` and that the kernel frees even after kill -9.

    It is held on a file of its own, because others may remove or replace `path` itself: Snakemake removes a rule's log
    before every attempt. On file systems without locks there is none, and the block runs all the same.

    Raises:
        InputError: another process holds it; says which, and by `what` what it is doing; or the disk refuses.
    """
    lock = path.with_name(f".{path.name}.lock")
    with disk_faults_named(path):
        file = _locked_file(lock, path, what=what)
    with file:
        try:
            yield
        finally:
            with suppress(OSError):
                lock.unlink()


def _locked_file(lock: Path, path: Path, *, what: str):
    while True:
        file = open(lock, "a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip()
            file.close()
            raise InputError(
                f"{path}: another process, {holder or 'of an unknown number'}, is {what}: wait until it has ended, or "
                "kill it, then run the same again"
            ) from error
        except OSError:
            return file  # a file system without locks
        if _is_still(lock, file.fileno()):
            file.truncate(0)
            file.write(f"{os.getpid()} on {socket.gethostname()}\n")
            file.flush()
            return file
        file.close()  # it was removed by the one who held it, between our opening and our locking


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
