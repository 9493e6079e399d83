"""Locks on files."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mdc.runtime.disk import disk_faults_named
from mdc.runtime.errors import InputError
from mdc.runtime.files import open_unlinked


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
        file = open_unlinked(lock, "a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip()
            file.close()
            raise InputError(
                f"{path}: another process, {holder or 'of an unknown number'}, is {what}: wait until it has ended, or "
                "kill it, then run the same command again"
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
