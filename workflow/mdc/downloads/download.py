"""The downloads stage: files from the internet that are whole and right, or not there.

requests fetches, and a hash decides. Written on top of it is what archives of gigabytes on old hosts need:
several sources tried in turn with growing waits, a part file that is continued after any interruption, and a sentence
for everything that servers send instead of the file.
"""

import itertools
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from mdc.downloads.source import (
    MB,
    BrokenOffError,
    DiskError,
    Parts,
    TooSlowError,
    Wanted,
    WrongSourceError,
    bring_from_source,
    largest_bytes,
)
from mdc.runtime.disk import room
from mdc.runtime.errors import InputError, listing
from mdc.runtime.hashes import has_hash
from mdc.runtime.locks import locked
from mdc.runtime.logs import logger
from mdc.runtime.progress import duration

LONGEST_WAIT_SECONDS = 300.0


@dataclass(frozen=True)
class Patience:
    """How long a download tries: see `download`."""

    rounds: int
    timeout_seconds: float
    first_wait_seconds: float = 5.0


def download(wanted: Wanted, path: Path, patience: Patience) -> None:
    """Bring the file `wanted` to `path`, whole and with its hash, or leave nothing there.

    The sources are tried in turn. What has arrived lies in `.<name>.part` beside `path` and is continued by the next
    source or the next run, killed or not; a source that sends a wrong file is not asked again. The download ends when
    no source is left, or after `patience.rounds` rounds over the sources that brought nothing new; after a round comes
    a wait of `first_wait_seconds`, doubled after every round in vain. A connection is given up after
    `timeout_seconds` without an answer or a byte, and below the lowest rate, at which new bytes do not count.

    Raises:
        InputError: every source failed (one line each: the URL and its answer); the disk is too small or full; another
            process is downloading the same file.
    """
    failures: dict[str, str] = {}
    if path.is_file():
        if has_hash(path, wanted.hash):
            logger.info("%s: is at %s, hash verified", wanted.label, path)
            return
        failures[str(path)] = f"is there with {path.stat().st_size} bytes, but without the hash {wanted.hash}"
    parts = Parts(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path, what=f"downloading {wanted.label}"):
            parts.forget_links()
            parts.keep_the_longer()
            if parts.size() > largest_bytes(wanted):  # of another archive
                parts.part.unlink()
            _check_space(wanted, parts)
            if not parts.size() or not has_hash(parts.part, wanted.hash):  # a killed run may have left it whole
                _from_any_source(wanted, parts, patience, failures)
            with open(parts.part, "rb") as file:
                os.fsync(file.fileno())  # else a power cut could leave the name of a file without its content
            os.replace(parts.part, path)
    except (OSError, DiskError) as error:
        raise InputError(
            f"{path}: cannot be written ({getattr(error, 'strerror', None) or error}; {room(path)}); the partial "
            f"download is kept in {parts.part}: free some space or name another folder in downloads.folder, then run "
            "the same command again"
        ) from error
    logger.info("%s: complete, hash verified: %s", wanted.label, path)


def _check_space(wanted: Wanted, parts: Parts) -> None:
    archive = max(wanted.archive_mb - parts.size() / MB, 0)
    needed, free = archive + wanted.unpacked_mb, shutil.disk_usage(parts.part.parent).free / MB
    if free < needed:
        unpacked = f" and {wanted.unpacked_mb:.0f} MB unpacked" if wanted.unpacked_mb else ""
        raise InputError(
            f"{parts.part.parent}: {free:.0f} MB are free, but {wanted.label} needs {needed:.0f} MB ({archive:.0f} MB "
            f"to download{unpacked}): free some space or name a folder on another disk in downloads.folder"
        )


def _from_any_source(wanted: Wanted, parts: Parts, patience: Patience, failures: dict[str, str]) -> None:
    """Make the part the right file; `failures` says what else was tried, and why it would not do."""
    sources = list(dict.fromkeys(wanted.urls))
    in_vain = 0
    for number in itertools.count():
        if not sources or in_vain + parts.thrown_away >= patience.rounds:
            break
        if number:
            wait = min(patience.first_wait_seconds * 2 ** max(in_vain - 1, 0), LONGEST_WAIT_SECONDS)
            logger.info("%s: waiting %s before the sources are tried again", wanted.label, duration(wait))
            time.sleep(wait)
        thrown_away, has_more = parts.thrown_away, False
        for url in list(sources):
            before = parts.size()
            try:
                bring_from_source(url, wanted, parts, patience.timeout_seconds)
                return
            except WrongSourceError as problem:
                sources.remove(url)
                failures[url] = str(problem)
            except BrokenOffError as problem:
                failures[url] = str(problem)
                has_more |= parts.size() > before and not isinstance(problem, TooSlowError)
            logger.warning("%s: %s", url, failures[url])
        in_vain = 0 if has_more or parts.thrown_away > thrown_away else in_vain + 1
    number = len(set(wanted.urls))
    tried = "its source" if number == 1 else f"any of its {number} sources"
    headline = f"{wanted.label} could not be downloaded from {tried}; {wanted.advice}"
    raise InputError(listing(headline, [f"{url}: {problem}" for url, problem in failures.items()]))
