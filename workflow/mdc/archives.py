"""Unpacking archives from the internet: only into their folder, only what is wanted, and whole or not at all."""

import shutil
import tarfile
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from mdc.downloads import MB, has_hash
from mdc.errors import InputError
from mdc.logs import Meter, logger

TOO_LARGE = 3  # times the expected size: not the archive but something that fills disks
BLOCK_BYTES = 512  # of a tar archive
DISK_BLOCK_BYTES = 4096  # what the smallest file takes, so that millions of empty ones are too large as well


def unpack(
    archive: Path, folder: Path, *, top: str, wanted: Sequence[str], hash: str, unpacked_mb: float, advice: str
) -> None:
    """Unpack the folder `top` of a tar archive, compressed or not, as `folder`, which a killed run never leaves half.

    Args:
        wanted: patterns of the members to unpack, as in a shell, where * also stands for slashes; others are skipped.
        hash: what the archive must have before it is opened, see `mdc.downloads.has_hash`; empty checks none.
        unpacked_mb: expected size of the members in MB (10^6 bytes), for the checks of space and of absurd sizes.
        advice: what to do about a file that is not the archive, as the end of a sentence.

    Raises:
        InputError: the archive is missing, not itself, damaged, or has no wanted member; a member would leave the
            folder; a wanted one is a link or a device; the wanted ones are absurdly large; the disk is too small.
    """
    if not archive.is_file():
        raise InputError(f"{archive}: there is no such archive; {advice}")
    if hash and not has_hash(archive, hash):
        raise InputError(f"{archive}: is {archive.stat().st_size} bytes without the hash {hash}; {advice}")
    if not hash and _is_cut_off(archive):
        raise InputError(f"{archive}: cannot be unpacked (its end is missing); {advice}")
    temporary = folder.with_name(f".{folder.name}.tmp")  # a fixed name, so that the next attempt removes a leftover
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        _check_space(temporary, unpacked_mb, archive)
        files = _unpack_into(temporary, archive, top=top, wanted=wanted, largest_bytes=TOO_LARGE * unpacked_mb * MB)
        if not files:
            raise InputError(f"{archive}: holds no {top}/ with {' or '.join(wanted)}; {advice}")
        shutil.rmtree(folder, ignore_errors=True)
        (temporary / top).rename(folder)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:  # OSError: also what gzip finds damaged
        raise InputError(f"{archive}: cannot be unpacked ({error}); {advice}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    logger.info("%s: %d files unpacked into %s", archive, files, folder)


def _is_cut_off(archive: Path) -> bool:
    """Return whether an uncompressed tar lacks the zeros at its end, which Python's tarfile does not ask for."""
    with open(archive, "rb") as file:
        is_plain = file.read(BLOCK_BYTES)[257:262] == b"ustar"
        file.seek(max(archive.stat().st_size - 2 * BLOCK_BYTES, 0))
        return is_plain and file.read() != bytes(2 * BLOCK_BYTES)


def _check_space(folder: Path, unpacked_mb: float, archive: Path) -> None:
    free = shutil.disk_usage(folder).free / MB
    if free < unpacked_mb:
        raise InputError(
            f"{folder.parent}: {free:.0f} MB are free, but unpacking {archive.name} needs {unpacked_mb:.0f} MB: free "
            "some space or name a folder on another disk in downloads.folder"
        )


def _unpack_into(folder: Path, archive: Path, *, top: str, wanted: Sequence[str], largest_bytes: float) -> int:
    """Unpack and return the number of files. One pass: reading a compressed archive twice would cost twice."""
    files = total_bytes = 0
    size = archive.stat().st_size
    meter = Meter(total=size, label=f"unpacking {archive.name}", in_bytes=True)
    with open(archive, "rb") as file, tarfile.open(fileobj=file, mode="r|*") as members:
        for member in members:
            meter.step(count=file.tell() - meter.done)
            name = member.name.removeprefix("./")
            is_wanted = any(fnmatchcase(name, f"{top}/{pattern}") for pattern in wanted)
            problem = _name_problem(name) or (_type_problem(member) if is_wanted else "")
            if problem:
                raise InputError(f"{archive}: its member '{member.name}' {problem}: nothing of it was unpacked")
            if not is_wanted:
                continue
            total_bytes += max(member.size, DISK_BLOCK_BYTES)
            if total_bytes > largest_bytes:
                raise InputError(
                    f"{archive}: its members up to '{member.name}' would take {total_bytes / MB:.0f} MB, more than "
                    f"{TOO_LARGE} times what is expected: nothing of it was unpacked"
                )
            if member.isfile():
                files += 1
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with open(target, "wb") as copy:  # not extract(): of a member, nothing but its bytes is wanted
                    shutil.copyfileobj(members.extractfile(member), copy)
    meter.close()
    return files


def _name_problem(name: str) -> str:
    path = PurePosixPath(name)
    outside = path.is_absolute() or ".." in path.parts
    return "would be written outside of its folder" if outside else ""


def _type_problem(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return f"is a link to '{member.linkname}'"
    return "" if member.isfile() or member.isdir() else "is neither a file nor a folder"
