"""What one source of a download has: asking it for the rest of a file or for the whole, and judging what it answers."""

import os
import signal
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import requests
import urllib3

from mdc.runtime.files import open_unlinked
from mdc.runtime.hashes import file_hash, has_hash
from mdc.runtime.logs import logger
from mdc.runtime.progress import Meter

CHUNK_BYTES = 1 << 14  # at most at once; what has arrived is written without waiting for more
LOWEST_BYTES_PER_SECOND = 1000  # a modem has five times as much
CHECK_RATE_AFTER_TIMEOUTS = 2  # a source that sends nothing at all runs into the timeout before
LATER_MAY_WORK = {408, 425, 429}  # and all from 500 on: the source is asked again in the next round
TOO_MUCH = 2  # times the expected size: no server may fill the disk
MB = 1e6


class WrongSourceError(Exception):
    """This source does not have the file, and asking it again will not change that."""


class BrokenOffError(Exception):
    """This source may have more of the file when it is asked again."""


class TooSlowError(BrokenOffError):
    """This source keeps a connection open without sending what is worth waiting for."""


class DiskError(Exception):
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
        unpacked_mb: size of the file's content once unpacked, 0 if it is not unpacked.
        advice: what to do when no source has it, as the end of a sentence.
    """

    label: str
    urls: Sequence[str]
    hash: str
    archive_mb: float
    unpacked_mb: float
    advice: str


class Parts:
    """What has arrived of a file: the part that is continued, and a new beginning where a source cannot continue it."""

    def __init__(self, path: Path) -> None:
        self.part = path.with_name(f".{path.name}.part")
        self.new = path.with_name(f".{path.name}.new")
        self.thrown_away = 0

    def size(self) -> int:
        """Return the bytes of the part."""
        return self.part.stat().st_size if self.part.exists() else 0

    def forget_links(self) -> None:
        """Remove links of these names, which others may have put there: what they lead to is no part of the file."""
        for path in (self.part, self.new):
            if path.is_symlink():
                path.unlink()

    def keep_the_longer(self) -> None:
        """Make a new beginning the part if it is longer, and forget it if not."""
        if self.new.exists() and self.new.stat().st_size > self.size():
            os.replace(self.new, self.part)
        self.new.unlink(missing_ok=True)

    def throw_away(self) -> None:
        """Forget the part."""
        self.part.unlink(missing_ok=True)
        self.thrown_away += 1


def largest_bytes(wanted: Wanted) -> float:
    """Return more bytes than a file can have that is the wanted one."""
    return max(TOO_MUCH * wanted.archive_mb * MB, CHUNK_BYTES)


def bring_from_source(url: str, wanted: Wanted, parts: Parts, timeout_seconds: float) -> None:
    """Make the part the right file with what one source has; raises WrongSourceError or BrokenOffError."""
    before = parts.size()
    try:
        _bring_from_source(url, wanted, parts, timeout_seconds)
    except BrokenOffError:  # but the hash decides: a server may announce more than there is
        if parts.size() == before or not has_hash(parts.part, wanted.hash):
            raise


def _bring_from_source(url: str, wanted: Wanted, parts: Parts, timeout_seconds: float) -> None:
    before = parts.size()
    if before:
        answer = _Answer(url, wanted, parts, there=before)
        is_continued = answer.fetch(timeout_seconds)
        if is_continued:
            if has_hash(parts.part, wanted.hash):
                return
            if not answer.has_end and parts.size() > before:
                raise BrokenOffError(f"ended after {parts.size()} bytes")
            # The part or its continuation is of another file. What this source has from the start on decides it.
            logger.warning("%s: checksum mismatch; discarding the partial download", wanted.label)
            parts.throw_away()
        elif answer.is_whole:
            return _judge(answer, wanted, parts)
        else:
            logger.info("%s: this source cannot resume a download; starting again", wanted.label)
    answer = _Answer(url, wanted, parts, there=0)
    answer.fetch(timeout_seconds)
    _judge(answer, wanted, parts)


def _judge(answer: "_Answer", wanted: Wanted, parts: Parts) -> None:
    """Make a whole new file the part if it is right; raises WrongSourceError if not, BrokenOffError if it may go on."""
    algorithm, expected = wanted.hash.split(":")
    digest = file_hash(parts.new, algorithm)
    if digest.startswith(expected):
        os.replace(parts.new, parts.part)
        return
    size, is_page = parts.new.stat().st_size, _is_page(parts.new)
    if not answer.has_end and size > parts.size() and not is_page:
        parts.keep_the_longer()
        raise BrokenOffError(f"ended after {size} bytes")
    if parts.size() == size and has_hash(parts.part, f"{algorithm}:{digest}"):  # it was taken for a part of the file
        parts.part.unlink()
    parts.new.unlink()
    what = "a web page" if is_page else "another file"
    raise WrongSourceError(f"sent {what}: {size} bytes with the {algorithm} {digest}, expected {expected}")


@contextmanager
def _lowest_rate(received: Callable[[], int], seconds: float) -> Iterator[None]:
    """Raise TooSlowError in the block after `seconds` that brought fewer bytes than the lowest rate, body or header.

    A timeout begins again with every byte, and no library has a limit of a header's time, so a signal of the clock ends
    the waiting. Python gives signals to the main thread only.
    """
    before = 0

    def look(*_) -> None:
        nonlocal before
        before, arrived = received(), received() - before
        if arrived < LOWEST_BYTES_PER_SECOND * seconds:
            raise TooSlowError(f"sent less than {LOWEST_BYTES_PER_SECOND} bytes per second for {seconds:g} s")

    earlier = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)


class _Answer:
    """One answer of a server: the header is judged, and the body written as it arrives.

    A continuation is appended to the part; a file from its start becomes the new one, and the part stays until that is
    longer or right.
    """

    def __init__(self, url: str, wanted: Wanted, parts: Parts, *, there: int) -> None:
        self.url, self.wanted, self.parts, self.there = url, wanted, parts, there
        self.file: BinaryIO | None = None  # opened by the header
        self.is_whole = False  # not a continuation
        self.has_end = False  # whether the server announced where it ends, so that less is noticed
        self.is_finished = False
        self.received = 0
        self.expected_bytes = 0  # of the whole file, as far as the server says
        self.meter: Meter | None = None

    def fetch(self, timeout_seconds: float) -> bool:
        """Write the body; return whether it continued the part to its end.

        False for a whole file (`is_whole`), and for a source that answers neither: it does not know ranges, or has
        nothing after the part. Raises WrongSourceError, BrokenOffError or DiskError.
        """
        headers = {"Accept-Encoding": "identity", "User-Agent": "mdc-workflow"}
        if self.there:
            headers["Range"] = f"bytes={self.there}-"
        try:
            with (
                _lowest_rate(lambda: self.received, CHECK_RATE_AFTER_TIMEOUTS * timeout_seconds),
                requests.get(self.url, headers=headers, timeout=timeout_seconds, stream=True) as response,
            ):
                self._judge_header(response)
                # A .tgz is often labelled as encoded; decoding it would undo the compression that is part of the file.
                while chunk := response.raw.read1(CHUNK_BYTES, decode_content=False):
                    self._write(chunk)
            if self.file.tell() < self.expected_bytes:
                raise BrokenOffError(f"ended after {self._amount()}")
            self.is_finished = True
            return not self.is_whole
        except _OtherPartError:
            return False
        except (requests.exceptions.SSLError, urllib3.exceptions.SSLError) as error:
            if any(isinstance(e, ssl.SSLCertVerificationError) for e in _layers(error)):
                raise WrongSourceError(f"has no valid certificate ({_innermost(error)})") from error
            raise BrokenOffError(f"closed the encrypted connection ({_innermost(error)})") from error
        except (requests.exceptions.Timeout, requests.exceptions.ConnectionError) as error:
            raise BrokenOffError(f"could not be reached ({_innermost(error)})") from error
        except urllib3.exceptions.ReadTimeoutError as error:
            raise BrokenOffError(f"sent nothing more for {timeout_seconds:g} s after {self._amount()}") from error
        except urllib3.exceptions.ProtocolError as error:
            reset = " (connection reset)" if "reset" in str(error).lower() else ""
            raise BrokenOffError(f"broke off{reset} after {self._amount()}") from error
        # no URL, redirects without end or to nonsense, headers that are no numbers, no file of certificates
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, ValueError, OSError) as error:
            raise WrongSourceError(f"cannot be used ({_innermost(error)})") from error
        finally:
            self._close()

    def _judge_header(self, response: requests.Response) -> None:
        status = response.status_code
        if status == 416 and self.there:  # nothing after the part
            raise _OtherPartError
        if status in LATER_MAY_WORK or status >= 500:
            raise BrokenOffError(f"answered {status} {response.reason}")
        if status != 200 and not (status == 206 and self.there):  # 206 is a part, also of what nobody asked a part of
            raise WrongSourceError(f"answered {status} {response.reason}")
        if "text/html" in response.headers.get("Content-Type", "").lower():
            where = "" if response.url == self.url else f" ({response.url})"
            raise WrongSourceError(f"sent a web page{where} instead of the file")
        self.is_whole = status == 200
        total = ""
        if not self.is_whole:
            given, _, total = response.headers.get("Content-Range", "").lower().partition("/")
            if given.split("-")[0].split() != ["bytes", str(self.there)]:
                raise _OtherPartError
        length = response.headers.get("Content-Length", "").split(",")[0].strip()  # some send it twice
        begin = 0 if self.is_whole else self.there
        if total.isdecimal():
            self.expected_bytes = int(total)
        elif length.isdecimal():
            self.expected_bytes = begin + int(length)
        self.has_end = bool(self.expected_bytes) or response.raw.chunked
        self._check_amount(self.expected_bytes)
        self.file = self._opened(self.parts.new if self.is_whole else self.parts.part, "wb" if self.is_whole else "ab")
        shown = self.expected_bytes or round(self.wanted.archive_mb * MB)
        self.meter = Meter(total=shown, label=f"downloading {self.wanted.label}", in_bytes=True)
        self.meter.begin_at(begin)

    def _write(self, chunk: bytes) -> None:
        try:
            self.file.write(chunk)
            self.file.flush()  # so that a kill loses nothing of it
        except OSError as error:
            raise DiskError(error.strerror or str(error)) from error
        self.received += len(chunk)
        self.meter.step(count=len(chunk))
        self._check_amount(self.file.tell())

    def _opened(self, path: Path, mode: str) -> BinaryIO:
        try:
            return open_unlinked(path, mode)
        except OSError as error:
            raise DiskError(error.strerror or str(error)) from error

    def _check_amount(self, size: int) -> None:
        if size > largest_bytes(self.wanted):
            if self.is_whole:
                self.parts.new.unlink(missing_ok=True)
            raise WrongSourceError(f"sends more than {TOO_MUCH} times the expected {self.wanted.archive_mb:g} MB")

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
    """The server sent another part than requested."""


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
