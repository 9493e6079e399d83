"""Disks that refuse what is written to them: a small one, where we may mount it, a limit of the size of a file, and
folders of others."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SMALL_BYTES = 1 << 20


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """Mount something at `folder` for a while, with options of mount(8); skip the test where that is not allowed."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"NOT TESTED on a small disk: mounting takes a root who may: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a disk of 1 MiB at `folder`."""
    with mounted(folder, "-t", "tmpfs", "-o", f"size={SMALL_BYTES}", "tmpfs"):
        yield folder


@contextmanager
def limited_files(folder: Path) -> Iterator[Path]:
    """Let no file of this process grow beyond 1 MiB."""
    folder.mkdir(exist_ok=True)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL_BYTES, before[1]))
    try:
        yield folder
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def closed_folder(folder: Path) -> Iterator[None]:
    """Let this process look into a folder as little as other people may, even if it is root's."""
    mode, user = folder.stat().st_mode, os.geteuid()
    folder.chmod(0)
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(mode)
