"""The downloads stage: files from the internet that are whole and right, or not there.

pooch's downloader fetches and its hash judges. Written on top of it is what archives of gigabytes on old hosts need:
several sources tried in turn with growing waits, a part file that is continued after any interruption, and a sentence
for everything that servers send instead of the file.
"""

import fcntl
import itertools
import os
import shutil
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
LONGEST_WAIT_SECONDS = 300.0
TOO_MUCH = 2  # times the expected size: no server may fill the disk
MB = 1e6


class _WrongSourceError(Exception):
    """This source does not have the file, and asking it again will not change that."""


class _BrokenOffError(Exception):
    """This source may have more of the file when it is asked again."""


class _DiskError(Exception):
    """What has arrived could not be written."""


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
    `timeout_seconds` without an answer or a byte.

    Raises:
        InputError: no source had it (one line each: the URL, what came); the disk is too small or full; another
            process is downloading the same file.
    """
    failures: dict[str, str] = {}
    if path.is_file():
        if has_hash(path, wanted.hash):
            logger.info("%s: is at %s, its hash is right", wanted.label, path)
            return
        failures[str(path)] = f"is there with {path.stat().st_size} bytes, but without the hash {wanted.hash}"
    parts = _Parts(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path, what=f"downloading {wanted.label}"):
            parts.keep_the_longer()
            if parts.size() > _largest_bytes(wanted):  # of another archive
                parts.part.unlink()
            _check_space(wanted, parts)
            if not parts.size() or not has_hash(parts.part, wanted.hash):  # a killed run may have left it whole
                _from_any_source(wanted, parts, patience, failures)
            with open(parts.part, "rb") as file:
                os.fsync(file.fileno())  # else a power cut could leave the name of a file without its content
            os.replace(parts.part, path)
    except (OSError, _DiskError) as error:
        raise InputError(
            f"{path}: cannot be written ({getattr(error, 'strerror', None) or error}); what has arrived is kept in "
            f"{parts.part}: free some space or name another folder in downloads.folder, then run the same again"
        ) from error
    logger.info("%s: complete, its hash is right: %s", wanted.label, path)


def has_hash(path: Path, expected: str) -> bool:
    """Return whether a file has the hash `expected`, "md5:" or "sha256:" and hex digits, the first 8 or more."""
    algorithm, digits = expected.split(":")
    return pooch.file_hash(str(path), alg=algorithm).startswith(digits)


@contextmanager
def locked(path: Path, *, what: str) -> Iterator[None]:
    """Hold a lock that belongs to `path` and that the kernel frees even after kill -9.

    Raises `InputError` when another process holds it; `what` says there what that process is doing.
    """
    lock = path.with_name(f".{path.name}.lock")
    with open(lock, "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f"{path}: another process is {what}: wait until it has ended, then run the same again"
            ) from error
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


class _Parts:
    """What has arrived of a file: the part that is continued, and a new beginning where a source cannot continue it."""

    def __init__(self, path: Path) -> None:
        self.part = path.with_name(f".{path.name}.part")
        self.new = path.with_name(f".{path.name}.new")
        self.thrown_away = 0

    def size(self) -> int:
        """Return the bytes of the part."""
        return self.part.stat().st_size if self.part.exists() else 0

    def keep_the_longer(self) -> None:
        """Make a new beginning the part if it is longer, and forget it if not."""
        if self.new.exists() and self.new.stat().st_size > self.size():
            os.replace(self.new, self.part)
        self.new.unlink(missing_ok=True)

    def throw_away(self) -> None:
        """Forget the part."""
        self.part.unlink(missing_ok=True)
        self.thrown_away += 1


def _largest_bytes(wanted: Wanted) -> float:
    return max(TOO_MUCH * wanted.archive_mb * MB, CHUNK_BYTES)


def _check_space(wanted: Wanted, parts: _Parts) -> None:
    archive = max(wanted.archive_mb - parts.size() / MB, 0)
    needed, free = archive + wanted.unpacked_mb, shutil.disk_usage(parts.part.parent).free / MB
    if free < needed:
        unpacked = f" and {wanted.unpacked_mb:.0f} MB unpacked" if wanted.unpacked_mb else ""
        raise InputError(
            f"{parts.part.parent}: {free:.0f} MB are free, but {wanted.label} needs {needed:.0f} MB ({archive:.0f} MB "
            f"to download{unpacked}): free some space or name a folder on another disk in downloads.folder"
        )


def _from_any_source(wanted: Wanted, parts: _Parts, patience: Patience, failures: dict[str, str]) -> None:
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
        before, thrown_away = parts.size(), parts.thrown_away
        for url in list(sources):
            try:
                _from_source(url, wanted, parts, patience.timeout_seconds)
                return
            except _WrongSourceError as problem:
                sources.remove(url)
                failures[url] = str(problem)
            except _BrokenOffError as problem:
                failures[url] = str(problem)
            logger.warning("%s: %s", url, failures[url])
        more = parts.size() > before or parts.thrown_away > thrown_away
        in_vain = 0 if more else in_vain + 1
    number = len(set(wanted.urls))
    tried = "its source" if number == 1 else f"any of its {number} sources"
    headline = f"{wanted.label} could not be downloaded from {tried}; {wanted.advice}"
    raise InputError(listing(headline, [f"{url}: {problem}" for url, problem in failures.items()]))


def _from_source(url: str, wanted: Wanted, parts: _Parts, timeout_seconds: float) -> None:
    """Make the part the right file with what one source has; raises _WrongSourceError or _BrokenOffError."""
    if parts.size():
        answer = _Answer(url, wanted, parts, there=parts.size())
        is_continued = answer.fetch(timeout_seconds)
        if is_continued:
            if has_hash(parts.part, wanted.hash):
                return
            # The part or its continuation is of another file. What this source has from the start on decides it.
            logger.warning("%s: the pieces make no right file: they are thrown away", wanted.label)
            parts.throw_away()
        elif answer.is_whole:
            return _judge(wanted, parts)
        else:
            logger.info("%s: this source cannot continue a download: from the start", wanted.label)
    _Answer(url, wanted, parts, there=0).fetch(timeout_seconds)
    _judge(wanted, parts)


def _judge(wanted: Wanted, parts: _Parts) -> None:
    """Make a whole new file the part if it is right; raises _WrongSourceError if not."""
    algorithm, expected = wanted.hash.split(":")
    digest = pooch.file_hash(str(parts.new), alg=algorithm)
    if digest.startswith(expected):
        os.replace(parts.new, parts.part)
        return
    size, what = parts.new.stat().st_size, "a web page" if _is_page(parts.new) else "another file"
    parts.new.unlink()
    raise _WrongSourceError(f"sent {what}: {size} bytes with the {algorithm} {digest}, expected {expected}")


class _Answer:
    """One answer of a server: what pooch's downloader writes its body to, after the header has been judged.

    A continuation is appended to the part; a file from its start becomes the new one, and the part stays until that is
    longer or right.
    """

    def __init__(self, url: str, wanted: Wanted, parts: _Parts, *, there: int) -> None:
        self.url, self.wanted, self.parts, self.there = url, wanted, parts, there
        self.file: BinaryIO | None = None  # opened by the header
        self.is_whole = False  # not a continuation
        self.is_finished = False
        self.expected_bytes = 0  # of the whole file, as far as the server says
        self.meter: Meter | None = None

    def fetch(self, timeout_seconds: float) -> bool:
        """Write the body; return whether it continued the part to its end.

        False for a whole file (`is_whole`), and for a source that answers neither: it does not know ranges, or has
        nothing after the part. Raises _WrongSourceError, _BrokenOffError or _DiskError.
        """
        headers = {"Accept-Encoding": "identity", "User-Agent": "mdc-workflow"}
        if self.there:
            headers["Range"] = f"bytes={self.there}-"
        downloader = pooch.HTTPDownloader(
            chunk_size=CHUNK_BYTES, timeout=timeout_seconds, headers=headers, hooks={"response": self._judge_header}
        )
        try:
            downloader(self.url, self, None)
            if self.file and self.file.tell() < self.expected_bytes:
                raise _BrokenOffError(f"ended after {self._amount()}")
            self.is_finished = True
            return not self.is_whole
        except _OtherPartError:
            return False
        except requests.exceptions.HTTPError as error:
            return self._judge_status(error.response)
        except requests.exceptions.SSLError as error:
            if any(isinstance(e, ssl.SSLCertVerificationError) for e in _layers(error)):
                raise _WrongSourceError(f"has no valid certificate ({_innermost(error)})") from error
            raise _BrokenOffError(f"broke off the encrypted connection ({_innermost(error)})") from error
        except (requests.exceptions.Timeout, requests.exceptions.ConnectionError) as error:
            if self.file is None:
                raise _BrokenOffError(f"could not be reached ({_innermost(error)})") from error
            stalled = isinstance(error, requests.exceptions.Timeout) or "timed out" in str(error)
            what = f"sent nothing more for {timeout_seconds:g} s" if stalled else "broke off"
            raise _BrokenOffError(f"{what} after {self._amount()}") from error
        except requests.exceptions.ChunkedEncodingError as error:
            reset = " (connection reset)" if "reset" in str(error).lower() else ""
            raise _BrokenOffError(f"broke off{reset} after {self._amount()}") from error
        # no URL, redirects without end or to nonsense, headers that are no numbers, no file of certificates
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, ValueError, OSError) as error:
            raise _WrongSourceError(f"cannot be used ({_innermost(error)})") from error
        finally:
            self._close()

    def _judge_header(self, response: requests.Response, **_) -> None:
        status = response.status_code
        if response.is_redirect or 400 <= status < 600:
            return  # requests follows the one, and pooch raises for the other
        if status != 200 and not (status == 206 and self.there):  # 206 is a part, also of what nobody asked a part of
            raise _WrongSourceError(f"answered {status} {response.reason}")
        if "text/html" in response.headers.get("Content-Type", "").lower():
            where = "" if response.url == self.url else f" ({response.url})"
            raise _WrongSourceError(f"sent a web page{where} instead of the file")
        # A .tgz is often labelled as encoded; decoding it would undo the compression that is part of the file.
        response.raw.headers.pop("Content-Encoding", None)
        self.is_whole = status == 200
        if not self.is_whole:
            given = response.headers.get("Content-Range", "").lower().split("-")[0].split()
            if given != ["bytes", str(self.there)]:
                raise _OtherPartError
        length = response.headers.pop("Content-Length", "").split(",")[0].strip()  # some send it twice
        begin = 0 if self.is_whole else self.there
        self.expected_bytes = begin + int(length) if length.isdecimal() else 0
        self._check_amount(self.expected_bytes)
        self.file = self._opened(self.parts.new if self.is_whole else self.parts.part, "wb" if self.is_whole else "ab")
        total = self.expected_bytes or round(self.wanted.archive_mb * MB)
        self.meter = Meter(total=total, label=f"downloading {self.wanted.label}", in_bytes=True)
        self.meter.begin_at(begin)

    def _judge_status(self, response: requests.Response) -> bool:
        if response.status_code == 416 and self.there:
            return False
        problem = f"answered {response.status_code} {response.reason}"
        if response.status_code in LATER_MAY_WORK or response.status_code >= 500:
            raise _BrokenOffError(problem)
        raise _WrongSourceError(problem)

    def write(self, chunk: bytes) -> None:
        """Append bytes of the body; called by pooch's downloader."""
        try:
            self.file.write(chunk)
        except OSError as error:
            raise _DiskError(error.strerror or str(error)) from error
        self.meter.step(count=len(chunk))
        self._check_amount(self.file.tell())

    def flush(self) -> None:
        """Hand all bytes to the system, so that a kill loses none; called by pooch's downloader."""
        try:
            self.file.flush()
        except OSError as error:
            raise _DiskError(error.strerror or str(error)) from error

    def _opened(self, path: Path, mode: str) -> BinaryIO:
        try:
            return open(path, mode)
        except OSError as error:
            raise _DiskError(error.strerror or str(error)) from error

    def _check_amount(self, size: int) -> None:
        if size > _largest_bytes(self.wanted):
            if self.is_whole:
                self.parts.new.unlink(missing_ok=True)
            raise _WrongSourceError(f"sends more than {TOO_MUCH} times the expected {self.wanted.archive_mb:g} MB")

    def _amount(self) -> str:
        total = f" of {self.expected_bytes}" if self.expected_bytes else ""
        return f"{self.file.tell()}{total} bytes"

    def _close(self) -> None:
        if self.file:
            self.meter.close(quietly=not self.is_finished)
            self.file.close()
            if not self.is_finished:
                self.parts.keep_the_longer()


class _OtherPartError(Exception):
    """The server sent another part than was asked for."""


def _is_page(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(256).lstrip().lower().startswith((b"<!doctype html", b"<html"))


def _layers(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those that it was made of by the libraries, the innermost last."""
    while isinstance(error, BaseException):
        yield error
        inner = error.args[0] if error.args else None
        error = inner if isinstance(inner, BaseException) else getattr(error, "reason", None) or error.__cause__


def _innermost(error: BaseException) -> str:
    """Return the message of what went wrong in the end, without the layers of libraries around it."""
    *_, error = _layers(error)
    return getattr(error, "strerror", None) or str(error.args[-1] if error.args else error) or type(error).__name__
