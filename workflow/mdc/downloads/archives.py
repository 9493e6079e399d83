"""Unpacking archives from the internet: only into their folder, only the members needed, and whole or not at all."""

import bz2
import gzip
import hashlib
import lzma
import shutil
import tarfile
import zlib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from mdc.downloads.download import Patience, download
from mdc.downloads.source import MB, Wanted
from mdc.runtime.disk import disk_faults_named
from mdc.runtime.errors import InputError
from mdc.runtime.files import write_whole
from mdc.runtime.locks import locked
from mdc.runtime.logs import logger
from mdc.runtime.progress import Meter

TOO_LARGE = 3  # times the expected size: not the archive but something that fills disks
DISK_BLOCK_BYTES = 4096  # what the smallest file takes, so that millions of empty ones are too large as well
LARGEST_HEADER_BYTES = 1 << 16  # of a member's further header, which tarfile reads into memory; names are far shorter
FURTHER_HEADERS = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
FURTHER_HEADERS += (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
RECORD = "archive.txt"  # in an unpacked folder: the hashes of its archive, and what of it was wanted
COMPRESSIONS = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ", lzma.open))


def bring_folder(
    wanted: Wanted, archive: Path, folder: Path, *, members: Sequence[str], patience: Patience, keep_archive: bool
) -> None:
    """Download an archive and unpack it into `folder`, as far as that has not been done; see `download`, `unpack`.

    A folder that was unpacked from an archive with this hash is left alone; neither is the archive needed then.
    """
    if _is_unpacked(folder, wanted.hash, members):
        logger.info("%s: is unpacked in %s", wanted.label, folder)
        return
    download(wanted, archive, patience)
    unpack(archive, folder, members=members, unpacked_mb=wanted.unpacked_mb, is_known=True)
    if not keep_archive:
        archive.unlink()


def unpack(
    archive: Path, folder: Path, *, members: Sequence[str], unpacked_mb: float, is_known: bool, must_hold: str = ""
) -> None:
    """Unpack a tar archive, compressed or not, into `folder`, which a killed run never leaves half.

    A folder of that name is replaced when all else has gone well, unless it holds the same already.

    Args:
        members: patterns of the members to unpack, as in a shell, where * also matches slashes; others are skipped.
        unpacked_mb: expected size of these members in MB (10^6 bytes), for the checks of space and of absurd sizes.
        is_known: whether its hash was checked. If not, it must have the zeros that end an archive.
        must_hold: a member without which it is another archive; empty for none.

    Raises:
        InputError: the archive is missing, damaged, or has no wanted member; a member would leave the folder; a wanted
            one is a link or a device; the wanted ones are absurdly large; the disk is too small
            or full; another process is unpacking into the same folder.
    """
    if not archive.is_file():
        raise InputError(f"{archive}: there is no such archive")
    temporary = folder.with_name(f".{folder.name}.tmp")  # a fixed name, so that the next attempt removes a leftover
    try:
        with disk_faults_named(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
        with disk_faults_named(folder), locked(folder, what=f"unpacking {archive.name}"):
            hashes = _hashes(archive)
            if _is_unpacked(folder, hashes[0], members):
                logger.info("%s: is unpacked in %s", archive, folder)
                return
            try:
                shutil.rmtree(temporary, ignore_errors=True)
                temporary.mkdir()
                _check_space(temporary, unpacked_mb, archive)
                kind = _Member if is_known else _StrictMember
                files = _unpack_into(temporary, archive, members, kind=kind, largest_mb=TOO_LARGE * unpacked_mb)
                if not files or not (temporary / must_hold).exists():
                    missing = must_hold or " or ".join(members)
                    raise InputError(f"{archive}: holds no {missing}: this is another archive")
                write_whole(temporary / RECORD, _record(hashes, members).encode())
                shutil.rmtree(folder, ignore_errors=True)
                temporary.rename(folder)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
    # what the readers of a damaged archive raise depends on which byte is damaged
    except (tarfile.TarError, OSError, EOFError, ValueError, RecursionError, zlib.error, lzma.LZMAError) as error:
        raise InputError(f"{archive}: cannot be unpacked ({error}): remove it and download it again") from error
    logger.info("%s: %d files unpacked into %s", archive, files, folder)


def _hashes(archive: Path) -> list[str]:
    with open(archive, "rb") as file:
        md5 = hashlib.file_digest(file, "md5").hexdigest()
        file.seek(0)
        return [f"md5:{md5}", f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"]


def _record(hashes: Sequence[str], members: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in (*hashes, *members))


def _is_unpacked(folder: Path, hash: str, members: Sequence[str]) -> bool:
    """Return whether `folder` was unpacked from an archive with that hash or first digits of it."""
    record = folder / RECORD
    lines = record.read_text().splitlines() if record.is_file() else []
    return lines[2:] == list(members) and any(line.startswith(hash) for line in lines[:2])


def _check_space(folder: Path, unpacked_mb: float, archive: Path) -> None:
    free = shutil.disk_usage(folder).free / MB
    if free < unpacked_mb:
        raise InputError(
            f"{folder.parent}: {free:.0f} MB are free, but unpacking {archive.name} needs {unpacked_mb:.0f} MB: free "
            "some space or name a folder on another disk in downloads.folder"
        )


class _Member(tarfile.TarInfo):
    """A member without a header that fills the memory."""

    @classmethod
    def frombuf(cls, buffer: bytes, encoding: str, errors: str) -> tarfile.TarInfo:
        member = super().frombuf(buffer, encoding, errors)
        if member.type in FURTHER_HEADERS and member.size > LARGEST_HEADER_BYTES:
            raise tarfile.ReadError(f"it has a header of {member.size} bytes")
        return member


class _StrictMember(_Member):
    """A member whose header must be right: tarfile takes a damaged one in the middle for the end of the archive."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> tarfile.TarInfo:
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"damaged or truncated after {archive.offset} bytes: {error}") from error


def _decompressed(file: BinaryIO) -> BinaryIO:
    start = file.read(8)
    file.seek(0)
    for magic, opened in COMPRESSIONS:
        if start.startswith(magic):
            return opened(file)
    return file


def _unpack_into(
    folder: Path, archive: Path, members: Sequence[str], *, kind: type[tarfile.TarInfo], largest_mb: float
) -> int:
    """Unpack and return the number of files. One pass: reading a compressed archive twice would cost twice."""
    files = total_bytes = 0
    meter = Meter(total=archive.stat().st_size, label=f"unpacking {archive.name}", in_bytes=True)
    with open(archive, "rb") as file:
        stream = _decompressed(file)
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=kind) as tar:
            for member in tar:
                meter.step(count=file.tell() - meter.done)
                name = member.name.removeprefix("./")
                is_wanted = any(fnmatchcase(name, pattern) for pattern in members)
                problem = _name_problem(name) or (_type_problem(member) if is_wanted else "")
                if problem:
                    raise InputError(f"{archive}: its member {member.name!r} {problem}: nothing was unpacked")
                if not is_wanted:
                    continue
                total_bytes += max(member.size, DISK_BLOCK_BYTES)
                if total_bytes > largest_mb * MB:
                    raise InputError(
                        f"{archive}: its members up to {member.name!r} would take {total_bytes / MB:.0f} MB, more than "
                        f"{TOO_LARGE} times what is expected: nothing was unpacked"
                    )
                if member.isfile():
                    files += 1
                    target = folder / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with open(target, "wb") as copy:  # not extract(): of a member, nothing but its bytes is wanted
                        shutil.copyfileobj(tar.extractfile(member), copy)
        while stream.read(1 << 20):
            pass  # to the end, where compressed files have their checksum
    meter.close()
    return files


def _name_problem(name: str) -> str:
    path = PurePosixPath(name)
    outside = path.is_absolute() or ".." in path.parts
    return "would be written outside of its folder" if outside else ""


def _type_problem(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return f"is a link to {member.linkname!r}"
    return "" if member.isfile() or member.isdir() else "is neither a file nor a folder"
