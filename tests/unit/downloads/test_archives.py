"""Unpacking: what is wanted, whole, and never outside of the folder."""

import hashlib
import io
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest

from mdc.downloads import archives
from mdc.downloads.archives import RECORD, bring_folder, unpack
from mdc.downloads.download import Patience
from mdc.downloads.source import Wanted
from mdc.runtime.errors import InputError
from mdc.runtime.locks import locked
from tests.file_server import FileServer
from tests.voc_archives import SBD_MASKS, sbd_files, voc_files, write_tar

ALL = ["VOCdevkit/*"]


def unpacked(archive: Path, folder: Path, *, members=ALL, unpacked_mb: float = 1.0, is_known=False) -> dict[str, bytes]:
    """Unpack and return the files by their paths in `folder`, without the record."""
    unpack(archive, folder, members=members, unpacked_mb=unpacked_mb, is_known=is_known)
    return files_in(folder)


def files_in(folder: Path) -> dict[str, bytes]:
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    del files[RECORD]
    return files


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


@pytest.mark.parametrize(("mode", "before"), [("w", ""), ("w", "./"), ("w:gz", ""), ("w:xz", "")])
def test_everything_is_unpacked(tmp_path, mode, before):
    files = {f"{before}{name}": content for name, content in voc_files().items()}
    archive = write_tar(tmp_path / "voc.tar", files, mode=mode)
    assert unpacked(archive, tmp_path / "data" / "voc") == voc_files()
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["voc"]


def test_only_what_is_wanted_is_unpacked(tmp_path):
    archive = write_tar(tmp_path / "sbd.tgz", sbd_files(), mode="w:gz")
    dataset = "benchmark_RELEASE/dataset"
    found = unpacked(archive, tmp_path / "sbd", members=[f"{dataset}/train.txt", f"{dataset}/cls/*.mat"])
    assert set(found) == {f"{dataset}/train.txt", *(f"{dataset}/cls/{id}.mat" for id in SBD_MASKS)}
    assert found[f"{dataset}/train.txt"] == sbd_files()[f"{dataset}/train.txt"]


def test_a_folder_that_was_unpacked_from_the_same_archive_is_left_alone(tmp_path):
    archive = archive_with(tmp_path / "a.tar")
    unpacked(archive, tmp_path / "voc")
    (tmp_path / "voc" / "VOCdevkit" / "added by hand").touch()
    assert "VOCdevkit/added by hand" in unpacked(archive, tmp_path / "voc")
    assert "VOCdevkit/added by hand" not in unpacked(archive, tmp_path / "voc", members=["*/good.txt"])


def test_a_folder_stays_when_its_replacement_fails(tmp_path):
    (tmp_path / "voc").mkdir()
    (tmp_path / "voc" / "mine").touch()
    (tmp_path / "a.tar").write_bytes(b"no archive" * 999)
    with pytest.raises(InputError, match=r"a\.tar: cannot be unpacked \("):
        unpacked(tmp_path / "a.tar", tmp_path / "voc")
    assert [path.name for path in (tmp_path / "voc").iterdir()] == ["mine"]
    (tmp_path / ".voc.tmp").mkdir()
    (tmp_path / ".voc.tmp" / "half.jpg").touch()  # left by a kill
    assert set(unpacked(archive_with(tmp_path / "a.tar"), tmp_path / "voc")) == {"VOCdevkit/good.txt"}
    assert not (tmp_path / ".voc.tmp").exists()


def test_two_processes_do_not_unpack_into_one_folder(tmp_path):
    with locked(tmp_path / "voc", what="unpacking a.tar"):
        with pytest.raises(InputError, match="voc: another process, .*, is unpacking a.tar: wait until it has ended"):
            unpacked(archive_with(tmp_path / "a.tar"), tmp_path / "voc")


@pytest.mark.parametrize(
    ("member", "sentence"),
    [
        (special("VOCdevkit/../../evil.txt"), "'VOCdevkit/../../evil.txt' would be written outside of its folder"),
        (special("VOCdevkit/l", tarfile.SYMTYPE, "/etc"), "'VOCdevkit/l' is a link to '/etc'"),
        (special("VOCdevkit/d\n", tarfile.CHRTYPE), r"'VOCdevkit/d\n' is neither a file nor a folder"),
    ],
)
def test_a_member_that_could_do_harm_is_refused_by_name(tmp_path, member, sentence):
    archive = archive_with(tmp_path / "a.tar", member)
    with pytest.raises(InputError) as error:
        unpacked(archive, tmp_path / "in" / "voc")
    assert str(error.value) == f"{archive}: its member {sentence}: nothing was unpacked"
    assert list((tmp_path / "in").iterdir()) == [] and not (tmp_path / "evil.txt").exists()


def test_a_file_of_absurd_size_is_refused_before_it_is_written(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(archives.shutil, "copyfileobj", lambda _, target: written.append(Path(target.name).name))
    big = special("VOCdevkit/big.bin")
    big.size = 4_000_000
    archive = archive_with(tmp_path / "a.tgz", big, mode="w:gz")
    assert archive.stat().st_size < 10_000  # a bomb: 4 MB of zeros
    with pytest.raises(InputError) as error:
        unpacked(archive, tmp_path / "voc")
    assert str(error.value) == (
        f"{archive}: its members up to 'VOCdevkit/big.bin' would take 4 MB, more than 3 times what is expected: "
        "nothing was unpacked"
    )
    assert written == ["good.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.tgz"]


def test_very_many_empty_files_are_absurd_as_well(tmp_path):
    # 3 MB are allowed, an empty file counts as 4096 bytes: the good one and 731 others fit, not one more
    files = [special(f"VOCdevkit/{number}") for number in range(732)]
    assert len(unpacked(archive_with(tmp_path / "a.tar", *files[:731]), tmp_path / "voc")) == 732
    with pytest.raises(InputError, match="its members up to 'VOCdevkit/731' would take 3 MB"):
        unpacked(archive_with(tmp_path / "b.tar", *files), tmp_path / "b")


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_an_archive_that_is_cut_off_leaves_nothing(tmp_path, mode):
    whole = write_tar(tmp_path / "voc.tar", voc_files(), mode=mode)
    content = whole.read_bytes()
    for share in (0.1, 0.3, 0.6):  # the last tenth may be the zeros that fill a record
        whole.write_bytes(content[: int(share * len(content)) + 100])
        with pytest.raises(InputError, match=r"voc\.tar: cannot be unpacked \(.*\): remove it and download it again"):
            unpacked(whole, tmp_path / "voc")
        assert [path.name for path in tmp_path.iterdir()] == ["voc.tar"]


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_damage_in_the_middle_is_found_or_does_not_matter(tmp_path, mode):
    """Without a hash of the whole: a damaged header of a member, or a wrong checksum of the compressed file."""
    path = write_tar(tmp_path / "voc.tar", voc_files(), mode=mode)
    content, rng, refused = path.read_bytes(), np.random.default_rng(0), 0
    for number in range(60):
        damaged = bytearray(content)
        place = int(rng.integers(0, len(content) - 600))
        damaged[place : place + 600] = rng.bytes(600)
        path.write_bytes(damaged)
        try:
            found = unpacked(path, tmp_path / str(number))
        except InputError:
            refused += 1
        else:  # a plain tar has no checksum of what the files hold
            assert mode == "w" and found.keys() == voc_files().keys()
    assert refused > 5


def test_an_archive_whose_hash_is_right_need_not_end_in_zeros(tmp_path):
    archive = archive_with(tmp_path / "a.tar")
    archive.write_bytes(archive.read_bytes()[:1024])  # the good file's header and content
    with pytest.raises(InputError, match="damaged or truncated after 1024 bytes"):
        unpacked(archive, tmp_path / "voc")
    assert set(unpacked(archive, tmp_path / "voc", is_known=True)) == {"VOCdevkit/good.txt"}


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_that_would_fill_the_memory_is_refused_unread(tmp_path, kind):
    header = special("h", kind)
    header.size = 1_500_000_000
    (tmp_path / "a.tar").write_bytes(header.tobuf())
    with pytest.raises(InputError, match=r"cannot be unpacked \(it has a header of 1500000000 bytes\)"):
        unpacked(tmp_path / "a.tar", tmp_path / "voc", is_known=True)


def test_long_chains_of_headers_are_refused(tmp_path):
    header = special("././@LongLink", tarfile.GNUTYPE_LONGNAME)
    header.size = 1
    link = header.tobuf() + b"a".ljust(512, b"\0")
    (tmp_path / "a.tar").write_bytes(link * 3000)
    with pytest.raises(InputError, match=r"a\.tar: cannot be unpacked \("):
        unpacked(tmp_path / "a.tar", tmp_path / "voc")


def test_an_archive_without_the_wanted_files_and_none_at_all_are_refused(tmp_path):
    archive = archive_with(tmp_path / "a.tar")
    with pytest.raises(InputError, match=r"a\.tar: holds no benchmark_RELEASE/\*: this is another archive"):
        unpacked(archive, tmp_path / "voc", members=["benchmark_RELEASE/*"])
    with pytest.raises(InputError, match=r"a\.tar: holds no VOCdevkit/test\.txt: this is another archive"):
        unpack(*(archive, tmp_path / "voc"), members=ALL, unpacked_mb=1, is_known=False, must_hold="VOCdevkit/test.txt")
    with pytest.raises(InputError, match=r"none\.tar: there is no such archive"):
        unpacked(tmp_path / "none.tar", tmp_path / "voc")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]


# --- download and unpack in one


@pytest.fixture
def bring(tmp_path, monkeypatch):
    """Return a function that brings VOC to `voc` from a server; `bring.server` counts what it was asked for."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = FileServer()
    content = write_tar(tmp_path / "made.tar", voc_files()).read_bytes()
    url = server.serve("/voc.tar", content)

    def bring(*, hash: str = "md5:" + hashlib.md5(content).hexdigest(), keep_archive: bool = True) -> dict[str, bytes]:
        wanted = Wanted(label="VOC", urls=[url], hash=hash, archive_mb=1, unpacked_mb=1, advice="")
        patience = Patience(rounds=1, timeout_seconds=5)
        settings = {"members": ALL, "patience": patience, "keep_archive": keep_archive}
        bring_folder(wanted, tmp_path / "voc.tar", tmp_path / "voc", **settings)
        return files_in(tmp_path / "voc")

    bring.server, bring.content, bring.folder = server, content, tmp_path
    yield bring
    server.close()


def test_the_archive_is_removed_if_wanted_and_not_needed_again(bring):
    assert bring(keep_archive=False) == voc_files()
    assert not (bring.folder / "voc.tar").exists()
    other_hashes = hashlib.md5(bring.content).hexdigest()[:8], hashlib.sha256(bring.content).hexdigest()
    for hash in (f"md5:{other_hashes[0]}", f"sha256:{other_hashes[1]}"):  # the same archive, told in another way
        assert bring(hash=hash) == voc_files()
    assert len(bring.server.requests) == 1


def test_an_archive_that_is_there_is_not_downloaded_and_a_half_one_is_not_unpacked(bring):
    (bring.folder / "voc.tar").write_bytes(bring.content)
    assert bring() == voc_files()
    assert bring.server.requests == []
    shutil.rmtree(bring.folder / "voc")
    (bring.folder / "voc.tar").write_bytes(bring.content[:5000])
    assert bring() == voc_files()
    assert len(bring.server.requests) == 1
