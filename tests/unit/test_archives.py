"""Unpacking: what is wanted, whole, and never outside of the folder."""

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from voc_archives import SBD_MASKS, sbd_files, voc_files, write_tar

from mdc import archives
from mdc.archives import unpack
from mdc.errors import InputError

ADVICE = "remove it, to have it downloaded again"


def md5(path: Path) -> str:
    return "md5:" + hashlib.md5(path.read_bytes()).hexdigest()


def unpacked(archive: Path, folder: Path, **changes) -> dict[str, bytes]:
    """Unpack and return the files by their paths in `folder`."""
    settings = {"top": "VOCdevkit", "wanted": ["*"], "hash": "", "unpacked_mb": 1.0, "advice": ADVICE} | changes
    unpack(archive, folder, **settings)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def special(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member


def archive_with(path: Path, *members: tarfile.TarInfo, mode: str = "w") -> Path:
    """Write an archive with a good file, then `members`."""
    with tarfile.open(path, mode) as tar:
        good = special("VOCdevkit/good.txt")
        good.size = 4
        tar.addfile(good, io.BytesIO(b"good"))
        for member in members:
            tar.addfile(member, io.BytesIO(bytes(member.size)) if member.isreg() else None)
    return path


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_everything_below_the_top_folder_is_unpacked(tmp_path, mode):
    archive = write_tar(tmp_path / "voc.tar", voc_files(), mode=mode)
    found = unpacked(archive, tmp_path / "data" / "VOCdevkit", hash=md5(archive))
    assert found == {name.removeprefix("VOCdevkit/"): content for name, content in voc_files().items()}
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["VOCdevkit"]


def test_only_what_is_wanted_is_unpacked(tmp_path):
    archive = write_tar(tmp_path / "sbd.tgz", sbd_files(), mode="w:gz")
    wanted = ["dataset/train.txt", "dataset/cls/*.mat"]
    found = unpacked(archive, tmp_path / "sbd", top="benchmark_RELEASE", wanted=wanted)
    assert set(found) == {"dataset/train.txt", *(f"dataset/cls/{id}.mat" for id in SBD_MASKS)}
    assert found["dataset/train.txt"] == sbd_files()["benchmark_RELEASE/dataset/train.txt"]


def test_members_that_begin_with_a_dot_and_a_slash(tmp_path):
    archive = write_tar(tmp_path / "voc.tar", {f"./{name}": content for name, content in voc_files().items()})
    assert len(unpacked(archive, tmp_path / "VOCdevkit")) == len(voc_files())


def test_an_earlier_folder_and_what_a_kill_has_left_are_replaced(tmp_path):
    for leftover in ("VOCdevkit", ".VOCdevkit.tmp"):
        (tmp_path / leftover).mkdir()
        (tmp_path / leftover / "half.jpg").touch()
    assert set(unpacked(archive_with(tmp_path / "a.tar"), tmp_path / "VOCdevkit")) == {"good.txt"}
    assert not (tmp_path / ".VOCdevkit.tmp").exists()


@pytest.mark.parametrize(
    ("member", "sentence"),
    [
        (special("VOCdevkit/../../evil.txt"), "'VOCdevkit/../../evil.txt' would be written outside of its folder"),
        (special("../evil.txt"), "'../evil.txt' would be written outside of its folder"),
        (special("/tmp/evil.txt"), "'/tmp/evil.txt' would be written outside of its folder"),
        (special("VOCdevkit/l", tarfile.SYMTYPE, "/etc"), "'VOCdevkit/l' is a link to '/etc'"),
        (special("VOCdevkit/l", tarfile.SYMTYPE, "good.txt"), "'VOCdevkit/l' is a link to 'good.txt'"),
        (special("VOCdevkit/l", tarfile.LNKTYPE, "../x"), "'VOCdevkit/l' is a link to '../x'"),
        (special("VOCdevkit/d", tarfile.CHRTYPE), "'VOCdevkit/d' is neither a file nor a folder"),
        (special("VOCdevkit/d", tarfile.BLKTYPE), "'VOCdevkit/d' is neither a file nor a folder"),
        (special("VOCdevkit/d", tarfile.FIFOTYPE), "'VOCdevkit/d' is neither a file nor a folder"),
    ],
)
def test_a_member_that_could_do_harm_is_refused_by_name(tmp_path, member, sentence):
    archive = archive_with(tmp_path / "a.tar", member)
    with pytest.raises(InputError) as error:
        unpacked(archive, tmp_path / "in" / "VOCdevkit")
    assert str(error.value) == f"{archive}: its member {sentence}: nothing of it was unpacked"
    assert list((tmp_path / "in").iterdir()) == [] and not (tmp_path / "evil.txt").exists()


def test_a_file_of_absurd_size_is_refused_before_it_is_written(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(archives.shutil, "copyfileobj", lambda _, target: written.append(Path(target.name).name))
    big = special("VOCdevkit/big.bin")
    big.size = 4_000_000
    archive = archive_with(tmp_path / "a.tgz", big, mode="w:gz")
    assert archive.stat().st_size < 10_000  # a bomb: 4 MB of zeros
    with pytest.raises(InputError) as error:
        unpacked(archive, tmp_path / "VOCdevkit")
    assert str(error.value) == (
        f"{archive}: its members up to 'VOCdevkit/big.bin' would take 4 MB, more than 3 times what is expected: "
        "nothing of it was unpacked"
    )
    assert written == ["good.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.tgz"]


def test_very_many_empty_files_are_absurd_as_well(tmp_path):
    # 3 MB are allowed, an empty file counts as 4096 bytes: the good one and 731 others fit, not one more
    files = [special(f"VOCdevkit/{number}") for number in range(732)]
    assert len(unpacked(archive_with(tmp_path / "a.tar", *files[:731]), tmp_path / "VOCdevkit")) == 732
    with pytest.raises(InputError, match="its members up to 'VOCdevkit/731' would take 3 MB"):
        unpacked(archive_with(tmp_path / "b.tar", *files), tmp_path / "b")


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_truncated_archive_leaves_nothing(tmp_path, mode):
    whole = write_tar(tmp_path / "voc.tar", voc_files(), mode=mode)
    content = whole.read_bytes()
    for share in (0.1, 0.3, 0.6):  # the last tenth may be the zeros that fill a record
        whole.write_bytes(content[: int(share * len(content)) + 100])
        with pytest.raises(InputError, match=rf"voc\.tar: cannot be unpacked \(.*\); {ADVICE}"):
            unpacked(whole, tmp_path / "VOCdevkit")
        assert [path.name for path in tmp_path.iterdir()] == ["voc.tar"]


@pytest.mark.parametrize("content", [b"", b"<html>Not Found</html>" * 99, gzip.compress(b"no tar" * 999)])
def test_what_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.tar: (cannot be unpacked|holds no VOCdevkit/)"):
        unpacked(tmp_path / "a.tar", tmp_path / "VOCdevkit")


def test_an_archive_without_the_wanted_files_or_without_its_hash_is_refused(tmp_path):
    archive = archive_with(tmp_path / "a.tar")
    with pytest.raises(InputError, match=r"a\.tar: holds no benchmark_RELEASE/ with \*; remove it"):
        unpacked(archive, tmp_path / "x", top="benchmark_RELEASE")
    with pytest.raises(InputError, match=r"a\.tar: is 10240 bytes without the hash md5:00000000; remove it"):
        unpacked(archive, tmp_path / "x", hash="md5:00000000")
    with pytest.raises(InputError, match=r"none\.tar: there is no such archive; remove it"):
        unpacked(tmp_path / "none.tar", tmp_path / "x")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]


def test_too_little_space_is_said_with_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1_500_000_000}))
    with pytest.raises(InputError, match=r"1500 MB are free, but unpacking a\.tar needs 2100 MB: free some space"):
        unpacked(archive_with(tmp_path / "a.tar"), tmp_path / "VOCdevkit", unpacked_mb=2100.0)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]
