"""Downloads from a server that misbehaves: the right file, or one sentence that says what came, and no half file."""

import errno
import gzip
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mdc.downloads import download as downloads
from mdc.downloads import source as sources
from mdc.downloads.download import Patience, download
from mdc.downloads.source import Wanted
from mdc.runtime.errors import InputError
from mdc.runtime.hashes import has_hash
from tests.file_server import (
    PAGE,
    FileServer,
    announce,
    cut,
    drip,
    endless,
    other_part,
    page,
    ranges_asked,
    redirect,
    reset,
    stall,
    status,
    whole,
)

BODY = np.random.default_rng(0).bytes(300_000)  # 18 chunks of 16,384 bytes and a part of one
MD5 = "md5:" + hashlib.md5(BODY).hexdigest()
CHUNK = sources.CHUNK_BYTES
ADVICE = "try again later"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = FileServer()
    yield server
    server.close()


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "data" / "archive.tar"


def part_of(path: Path) -> Path:
    return path.with_name(".archive.tar.part")


def wanted(*urls: str, **changes) -> Wanted:
    return Wanted(
        **{"label": "VOC", "urls": urls, "hash": MD5, "archive_mb": 0.3, "unpacked_mb": 0.0, "advice": ADVICE} | changes
    )


def fetch(path: Path, *urls: str, rounds: int = 2, **changes) -> None:
    download(wanted(*urls, **changes), path, Patience(rounds, timeout_seconds=1, first_wait_seconds=0.001))


def problem(path: Path, *urls: str, **changes) -> str:
    """Return the sentence about one source that a download ends with."""
    with pytest.raises(InputError) as error:
        fetch(path, *urls, **changes)
    headline, *lines = str(error.value).splitlines()
    assert not path.exists()
    if len(urls) == 1:
        assert headline == f"VOC could not be downloaded from its source; {ADVICE}"
        (line,) = lines
        return line.removeprefix(f"  {urls[0]}: ")
    assert headline == f"VOC could not be downloaded from any of its {len(urls)} sources; {ADVICE}"
    assert [line.strip().split(": ")[0] for line in lines] == list(urls)
    return "\n".join(line.split(": ", 1)[1] for line in lines)


def test_a_half_file_that_cannot_be_replaced_is_named_and_stays(server, path):
    path.parent.mkdir()
    path.write_bytes(BODY[:1000])
    with pytest.raises(InputError) as error:
        fetch(path, server.serve("/a", BODY, status(404)))
    assert str(error.value).splitlines()[1:] == [
        f"  {path}: is there with 1000 bytes, but without the hash {MD5}",
        f"  {server.url('/a')}: answered 404 Not Found",
    ]
    assert path.read_bytes() == BODY[:1000]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (status(404), "answered 404 Not Found"),
        (page(), "sent a web page instead of the file"),
        (
            page("application/x-tar"),
            f"sent a web page: 48 bytes with the md5 {hashlib.md5(PAGE).hexdigest()}, expected {MD5[4:]}",
        ),
        (
            cut(1000, ranges=False, surplus=None),  # asked twice, as it might have broken off
            f"sent another file: 1000 bytes with the md5 {hashlib.md5(BODY[:1000]).hexdigest()}, expected {MD5[4:]}",
        ),
        (endless(), "sends more than 2 times the expected 0.3 MB"),
        (announce("700000"), "sends more than 2 times the expected 0.3 MB"),
    ],
)
def test_what_is_not_the_file_is_named_and_nothing_is_left(server, path, answer, sentence):
    assert problem(path, server.serve("/a", BODY, answer)) == sentence
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("breaks", "sentence"),
    [
        (cut(100_000), "broke off after 100000 of 300000 bytes"),
        (reset(100_000), "broke off (connection reset) after 100000 of 300000 bytes"),
        (stall(100_000), "sent nothing more for 1 s after 100000 of 300000 bytes"),
    ],
)
def test_a_download_that_breaks_is_continued_where_it_was(server, path, breaks, sentence, caplog):
    url = server.serve("/a", BODY, breaks, whole())
    fetch(path, url)
    assert path.read_bytes() == BODY
    assert ranges_asked(server.requests) == [None, "bytes=100000-"]
    assert f"{url}: {sentence}" in caplog.messages


@pytest.mark.parametrize(
    ("answer", "requests"),
    [
        (cut(5_000), 60),
        (cut(100_000, surplus=None), 3),
        (whole(surplus=10), 1),  # the hash is right
    ],
)
def test_small_pieces_and_wrong_lengths_make_the_file(server, path, answer, requests):
    fetch(path, server.serve("/a", BODY, answer))
    assert path.read_bytes() == BODY
    assert len(server.requests) == requests


@pytest.mark.parametrize(
    "slow",
    [drip(b"a", in_body=True), drip(b"a", in_body=False), drip(b"HTTP/1.1 100 Continue\r\n\r\n", in_body=False)],
)
def test_a_source_that_drips_is_left_and_its_drops_do_not_count(server, path, slow):
    sentence = problem(path, server.serve("/a", BODY, slow), rounds=1)
    assert sentence == "sent less than 1000 bytes per second for 2 s"


def test_what_has_arrived_is_kept_for_the_next_run(server, path):
    url = server.serve("/a", BODY, cut(100_000), status(503))
    assert problem(path, url) == "answered 503 Service Unavailable"
    assert part_of(path).read_bytes() == BODY[:100_000]
    server.serve("/a", BODY)
    fetch(path, url)
    assert path.read_bytes() == BODY
    assert server.requests[-1] == ("/a", "bytes=100000-")


def test_a_server_that_sends_another_part_is_not_believed(server, path):
    fetch(path, server.serve("/a", BODY, cut(100_000), other_part(), whole()))
    assert path.read_bytes() == BODY
    assert ranges_asked(server.requests) == [None, "bytes=100000-", None]


def test_waits_grow_and_the_number_of_rounds_is_kept(server, path, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr(downloads.time, "sleep", waits.append)
    url = server.serve("/a", BODY, status(503))
    with pytest.raises(InputError):
        download(wanted(url), path, Patience(rounds=8, timeout_seconds=1, first_wait_seconds=5))
    assert waits == [5, 10, 20, 40, 80, 160, 300]
    assert len(server.requests) == 8


def test_a_redirect_to_a_page_is_named_with_the_address_of_the_page(server, path):
    login = server.serve("/login", b"", page())
    found = problem(path, server.serve("/a", b"", redirect("/login")))
    assert found == f"sent a web page ({login}) instead of the file"


def test_pieces_that_do_not_fit_are_thrown_away_and_the_file_comes_from_the_start(server, path):
    fetch(path, server.serve("/a", BODY[::-1], cut(200_000), status(404)), server.serve("/b", BODY))
    assert path.read_bytes() == BODY
    assert server.requests == [("/a", None), ("/b", "bytes=200000-"), ("/b", None)]


def test_a_source_that_continues_with_another_file_is_found_out_and_left(server, path):
    wrong = server.serve("/b", BODY[::-1])
    fetch(path, server.serve("/a", BODY, cut(100_000), whole()), wrong)
    assert path.read_bytes() == BODY
    # it continued, then it was asked for the whole, which was wrong; the first source began again
    assert server.requests == [("/a", None), ("/b", "bytes=100000-"), ("/b", None), ("/a", None)]


@pytest.mark.parametrize("other", [page("application/x-tar"), cut(20_000, ranges=False)])
def test_what_a_good_source_has_sent_is_not_lost_by_a_bad_one(server, path, other):
    good = server.serve("/a", BODY, *[cut(50_000)] * 6)
    fetch(path, good, server.serve("/b", b"another file" * 9000, other))
    assert path.read_bytes() == BODY
    asked = [int(a.removeprefix("bytes=").removesuffix("-")) for p, a in server.requests if p == "/a" and a]
    assert asked == [50_000, 100_000, 150_000, 200_000, 250_000]


def test_an_archive_that_is_labelled_as_encoded_stays_packed(server, path):
    packed = gzip.compress(b"what a .tgz holds")
    url = server.serve("/a.tgz", packed, whole(Content_Encoding="x-gzip"))
    fetch(path, url, hash="md5:" + hashlib.md5(packed).hexdigest())
    assert path.read_bytes() == packed


@pytest.mark.parametrize(("surplus", "asked"), [(b"more", ["bytes=300004-", None]), (2 * BODY, [None])])
def test_a_part_that_is_too_long_is_thrown_away(server, path, surplus, asked):
    path.parent.mkdir()
    part_of(path).write_bytes(BODY + surplus)
    fetch(path, server.serve("/a", BODY))
    assert path.read_bytes() == BODY
    assert ranges_asked(server.requests) == asked


def test_links_in_the_places_of_the_parts_are_not_followed(server, path, tmp_path):
    path.parent.mkdir()
    for name in (".part", ".new"):
        (tmp_path / name).write_bytes(BODY[:1000])
        path.with_name(f".archive.tar{name}").symlink_to(tmp_path / name)
    fetch(path, server.serve("/a", BODY))
    assert path.read_bytes() == BODY and not path.is_symlink()
    assert (tmp_path / ".part").read_bytes() == (tmp_path / ".new").read_bytes() == BODY[:1000]


def test_too_little_space_is_said_with_numbers_before_anything_is_asked_for(server, path, monkeypatch):
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 3_200_000_000}))
    with pytest.raises(InputError) as error:
        fetch(path, server.serve("/a", BODY), archive_mb=2000.0, unpacked_mb=2100.0)
    assert str(error.value) == (
        f"{path.parent}: 3200 MB are free, but VOC needs 4100 MB (2000 MB to download and 2100 MB unpacked): free "
        "some space or name a folder on another disk in downloads.folder"
    )
    assert server.requests == []


class FullDisk:
    """A file on a disk with room for two chunks."""

    def __init__(self, file) -> None:
        self.file = file

    def __getattr__(self, name: str):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self.file.close()

    def write(self, chunk: bytes) -> None:
        if self.file.tell() + len(chunk) > 2 * CHUNK:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.file.write(chunk)


def test_a_disk_that_runs_full_keeps_what_has_arrived(server, path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(sources, "open_unlinked", lambda *args: FullDisk(open(*args)))
        with pytest.raises(
            InputError, match=r"archive\.tar: cannot be written \(No space .* MB are free in .*\); the partial"
        ):
            fetch(path, server.serve("/a", BODY))
    arrived = part_of(path).read_bytes()
    assert not path.exists() and BODY.startswith(arrived) and CHUNK < len(arrived) <= 2 * CHUNK
    fetch(path, server.serve("/a", BODY))
    assert path.read_bytes() == BODY


def test_the_first_8_digits_of_a_hash_are_enough_and_are_needed(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"abc")  # FIPS 180-2: ba7816bf...; RFC 1321: 900150983cd24fb0...
    assert has_hash(file, "sha256:ba7816bf") and has_hash(file, "md5:900150983cd24fb0d6963f7d28e17f72")
    assert not has_hash(file, "sha256:ba7816be") and not has_hash(file, "md5:ba7816bf")


# Killed with SIGKILL at 6 points: by the number of bytes that the server has sent, or before or after a step that the
# code takes then. The child kills itself there.
CHILD = """
import os, signal, sys
from pathlib import Path
from mdc.downloads import download as downloads
from mdc.downloads import source as sources

url, path, md5, point = sys.argv[1:]
when, _, step = point.partition(" ")
owner = sources if step == "file_hash" else os
done = getattr(owner, step, None)

def step_with_kill(*args, **named):
    if when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = done(*args, **named)
    if when == "after" or str(args[-1]) == path:
        os.kill(os.getpid(), signal.SIGKILL)
    return result

if step:
    setattr(owner, step, step_with_kill)
wanted = sources.Wanted(label="VOC", urls=[url], hash=md5, archive_mb=0.3, unpacked_mb=0, advice="")
downloads.download(wanted, Path(path), downloads.Patience(rounds=1, timeout_seconds=60))
"""
BYTES = [0, CHUNK + 1]
FINAL = "final replace"  # after the file has got its name
STEPS = ["before file_hash", "before replace", "after fsync", FINAL]


@pytest.mark.parametrize("point", [*BYTES, *STEPS])
def test_after_a_kill_the_next_run_finishes_with_the_same_file(server, path, point):
    url = server.serve("/a", BODY, whole() if isinstance(point, str) else stall(point), whole())
    step = point if isinstance(point, str) else ""
    child = subprocess.Popen([sys.executable, "-c", CHILD, url, str(path), MD5, step])
    if step:
        child.wait(60)
    else:
        assert server.paused.wait(60)
        child.send_signal(signal.SIGKILL)
        child.wait(60)
    assert child.returncode == -signal.SIGKILL
    assert path.exists() == (step == FINAL)
    if path.exists():
        assert path.read_bytes() == BODY
    fetch(path, url)
    assert path.read_bytes() == BODY
    lock = [".archive.tar.lock"] if step == FINAL else []  # an empty file, which holds nothing up
    assert sorted(os.listdir(path.parent)) == [*lock, path.name]
