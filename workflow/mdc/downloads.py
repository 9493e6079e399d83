"""The downloads stage: files from the internet that are whole and right, or not there.

pooch's downloader fetches and its hash judges. Written on top of it is what archives of gigabytes on old hosts need:
several sources tried in turn with growing waits, a part file that is continued after any interruption, and a sentence
for everything that servers send instead of the file.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pooch
import requests
import urllib3

from mdc.errors import InputError, listing
from mdc.logs import Meter, duration, logger

CHUNK_BYTES = 1 << 14  # also what a broken connection may lose of what it had sent
LATER_MAY_WORK = {408, 425, 429}  # and all from 500 on: the source is asked again in the next round
TOO_MUCH = 2  # times the expected size, from a server that does not say how much it will send
MB = 1e6


class _WrongSourceError(Exception):
    """This source does not have the file, and asking it again will not change that."""


class _BrokenOffError(Exception):
    """This source may have more of the file when it is asked again."""


@dataclass(frozen=True)
class Wanted:
    """A file that is wanted.

    Attributes:
        label: its name in messages.
        urls: its sources, in the order in which they are tried.
        hash: "md5:" or "sha256:" and hex digits; the first 8 or more of them are enough, as in torchvision's names.
        archive_mb: its size in MB (10^6 bytes), for the check of free space and the time left where a server does
            not say it.
        unpacked_mb: what the file takes once unpacked, 0 where it is used as it is.
        advice: what to do when no source has it, as the end of a sentence.
    """

    label: str
    urls: Sequence[str]
    hash: str
    archive_mb: float
    unpacked_mb: float
    advice: str


def download(
    wanted: Wanted, path: Path, *, rounds: int, timeout_seconds: float, first_wait_seconds: float = 5.0
) -> None:
    """Bring the file `wanted` to `path`, whole and with its hash, or leave nothing there.

    The sources are tried in turn. What has arrived lies in `.<name>.part` beside `path` and is continued by the next
    source or the next run, killed or not; a source that sends a wrong file is not asked again. The download ends when
    no source is left, or after `rounds` rounds over the sources that brought nothing new; before a round comes a wait
    of `first_wait_seconds`, doubled after every round in vain.

    Raises:
        InputError: no source had it (one line each: the URL, what came); the disk is too small or full; another
            process is downloading the same file.
    """
    if path.is_file() and has_hash(path, wanted.hash):
        logger.info("%s: is already at %s", wanted.label, path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with open(part, "ab") as file:
            _lock(file, wanted, part)
            _check_space(wanted, part)
            _from_any_source(wanted, file, part, rounds, timeout_seconds, first_wait_seconds)
            os.fsync(file.fileno())  # else a power cut could leave the name of a file without its content
            os.replace(part, path)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); what has arrived is kept in {part}: "
            "free some space or name another folder in downloads.folder, then run the same again"
        ) from error
    logger.info("%s: complete, its hash is right: %s", wanted.label, path)


def has_hash(path: Path, expected: str) -> bool:
    """Return whether a file has the hash `expected`, "md5:" or "sha256:" and hex digits, the first 8 or more."""
    algorithm, digits = expected.split(":")
    return pooch.file_hash(str(path), alg=algorithm).startswith(digits)


def _lock(file: BinaryIO, wanted: Wanted, part: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel frees it, also after kill -9
    except BlockingIOError as error:
        raise InputError(
            f"{part}: another process is downloading {wanted.label}: wait until it has ended, then run the same again"
        ) from error


def _check_space(wanted: Wanted, part: Path) -> None:
    archive = max(wanted.archive_mb - part.stat().st_size / MB, 0)
    needed, free = archive + wanted.unpacked_mb, shutil.disk_usage(part.parent).free / MB
    if free < needed:
        unpacked = f" and {wanted.unpacked_mb:.0f} MB unpacked" if wanted.unpacked_mb else ""
        raise InputError(
            f"{part.parent}: {free:.0f} MB are free, but {wanted.label} needs {needed:.0f} MB ({archive:.0f} MB to "
            f"download{unpacked}): free some space or name a folder on another disk in downloads.folder"
        )


def _from_any_source(
    wanted: Wanted, file: BinaryIO, part: Path, rounds: int, timeout_seconds: float, first_wait_seconds: float
) -> None:
    sources = list(dict.fromkeys(wanted.urls))
    failures: dict[str, str] = {}
    most_bytes, in_vain = part.stat().st_size, 0
    while sources and in_vain < rounds:
        if failures:  # this is not the first round
            wait = first_wait_seconds * 2 ** max(in_vain - 1, 0)
            logger.info("%s: waiting %s before the sources are tried again", wanted.label, duration(wait))
            time.sleep(wait)
        before = most_bytes
        for url in list(sources):
            try:
                _from_source(url, wanted, file, part, timeout_seconds)
                return
            except _WrongSourceError as problem:
                sources.remove(url)
                failures[url] = str(problem)
            except _BrokenOffError as problem:
                failures[url] = str(problem)
            most_bytes = max(most_bytes, part.stat().st_size)
            logger.warning("%s: %s", url, failures[url])
        in_vain = 0 if most_bytes > before else in_vain + 1
    if part.stat().st_size == 0:
        part.unlink()
    tried = "its source" if len(failures) == 1 else f"any of its {len(failures)} sources"
    headline = f"{wanted.label} could not be downloaded from {tried}; {wanted.advice}"
    raise InputError(listing(headline, [f"{url}: {problem}" for url, problem in failures.items()]))


def _from_source(url: str, wanted: Wanted, file: BinaryIO, part: Path, timeout_seconds: float) -> None:
    """Bring the rest of the file into `part` and check the whole; raises _WrongSourceError or _BrokenOffError."""
    there = part.stat().st_size
    body = _Body(url, file, wanted, there)
    try:
        body.fetch(timeout_seconds)
    except requests.exceptions.HTTPError as error:
        status, reason = error.response.status_code, error.response.reason
        if status == 416 and there:
            pass  # there is nothing after the part: it is whole, or another file; its hash tells
        elif status in LATER_MAY_WORK or status >= 500:
            raise _BrokenOffError(f"answered {status} {reason}") from error
        else:
            raise _WrongSourceError(f"answered {status} {reason}") from error
    except requests.exceptions.SSLError as error:
        raise _WrongSourceError(f"cannot be reached safely ({_innermost(error)})") from error
    except (requests.exceptions.Timeout, requests.exceptions.ConnectionError) as error:
        if isinstance(error, requests.exceptions.ConnectTimeout) or not body.answered:
            raise _BrokenOffError(f"could not be reached ({_innermost(error)})") from error
        stalled = isinstance(error, requests.exceptions.Timeout) or "timed out" in str(error)
        what = f"sent nothing more for {timeout_seconds:g} s" if stalled else "broke off"
        raise _BrokenOffError(f"{what} after {body.amount()}") from error
    except requests.exceptions.ChunkedEncodingError as error:
        reset = " (connection reset)" if "reset" in str(error).lower() else ""
        raise _BrokenOffError(f"broke off{reset} after {body.amount()}") from error
    except requests.exceptions.RequestException as error:  # no URL, no such scheme, redirects without end
        raise _WrongSourceError(f"cannot be used ({_innermost(error)})") from error
    finally:
        body.close()
    _check_hash(wanted, file, part, in_pieces=body.there > 0)


def _check_hash(wanted: Wanted, file: BinaryIO, part: Path, *, in_pieces: bool) -> None:
    algorithm, expected = wanted.hash.split(":")
    digest = pooch.file_hash(str(part), alg=algorithm)
    if digest.startswith(expected):
        return
    size, page = part.stat().st_size, _is_page(part)
    _empty(file)
    if in_pieces:
        raise _BrokenOffError("the pieces of several attempts made no right file: they are thrown away")
    what = "a web page" if page else "another file"
    raise _WrongSourceError(f"sent {what}: {size} bytes with the {algorithm} {digest}, expected {expected}")


class _Body:
    """The body of one answer: what pooch's downloader writes to, after the header has been judged."""

    def __init__(self, url: str, file: BinaryIO, wanted: Wanted, there: int) -> None:
        self.url, self.file, self.wanted, self.there = url, file, wanted, there
        self.answered = False
        self.total = 0  # bytes of the whole file; 0 until the server says it
        self.meter: Meter | None = None

    def fetch(self, timeout_seconds: float) -> None:
        """Append the rest of the file. Raises what requests raises, _WrongSourceError or _BrokenOffError."""
        headers = {"Accept-Encoding": "identity", "User-Agent": "mdc-workflow"}
        if self.there:
            headers["Range"] = f"bytes={self.there}-"
        downloader = pooch.HTTPDownloader(
            chunk_size=CHUNK_BYTES, timeout=timeout_seconds, headers=headers, hooks={"response": self._judge_header}
        )
        downloader(self.url, self, None)
        if self.total and self.file.tell() < self.total:
            raise _BrokenOffError(f"ended after {self.amount()}")

    def _judge_header(self, response: requests.Response, **_) -> None:
        if response.is_redirect or response.status_code >= 400:
            return  # requests follows the one, and pooch raises for the other
        self.answered = True
        if "text/html" in response.headers.get("Content-Type", "").lower():
            where = "" if response.url == self.url else f" ({response.url})"
            raise _WrongSourceError(f"sent a web page{where} instead of the file")
        # A .tgz is often labelled as encoded; decoding it would undo the compression that is part of the file.
        response.raw.headers.pop("Content-Encoding", None)
        length = int(response.headers.get("Content-Length") or 0)
        if response.status_code == 206:
            unit_and_range = response.headers.get("Content-Range", "")
            if not unit_and_range.startswith(f"bytes {self.there}-"):
                _empty(self.file)
                raise _BrokenOffError(f"sent another part ({unit_and_range}) than was asked for")
        elif self.there:
            logger.info("%s: this source cannot continue a download: from the start", self.wanted.label)
            _empty(self.file)
            self.there = 0
        self.total = self.there + length if length else 0
        expected = self.total or round(self.wanted.archive_mb * MB)
        self.meter = Meter(total=expected, label=f"downloading {self.wanted.label}", in_bytes=True)
        self.meter.begin_at(self.there)

    def write(self, chunk: bytes) -> None:
        """Append bytes of the body; called by pooch's downloader."""
        self.file.write(chunk)
        self.meter.step(count=len(chunk))
        if self.file.tell() > max(self.total, TOO_MUCH * self.wanted.archive_mb * MB, CHUNK_BYTES):
            _empty(self.file)
            raise _WrongSourceError(f"sends more than {TOO_MUCH} times the expected {self.wanted.archive_mb:g} MB")

    def flush(self) -> None:
        """Hand all bytes to the system, so that a kill loses none; called by pooch's downloader."""
        self.file.flush()

    def amount(self) -> str:
        """Return how much of the file has arrived, for messages."""
        total = f" of {self.total}" if self.total else ""
        return f"{self.file.tell()}{total} bytes"

    def close(self) -> None:
        """End the progress bar."""
        if self.meter:
            self.meter.close(quietly=self.file.tell() < self.meter.total)


def _empty(file: BinaryIO) -> None:
    file.truncate(0)
    file.seek(0)


def _is_page(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(256).lstrip().lower().startswith((b"<!doctype html", b"<html"))


def _innermost(error: BaseException) -> str:
    """Return the message of what went wrong in the end, without the layers of libraries around it."""
    while True:
        inner = error.args[0] if error.args and isinstance(error.args[0], BaseException) else None
        inner = inner or getattr(error, "reason", None) or error.__cause__
        if not isinstance(inner, BaseException):
            break
        error = inner
    if isinstance(error, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError):
        return str(error).split(": ", 1)[-1]
    return getattr(error, "strerror", None) or str(error.args[-1] if error.args else error) or type(error).__name__
