"""Which files of a folder are photos, and whether they changed; standard library only, the rules read it."""

import functools
import hashlib
import importlib.util
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

# Pillow's formats that are read, and how their files are named. Pillow is given no other: for some, such as
# PostScript, it would start a program.
FORMATS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "BMP": (".bmp", ".dib"),
    "GIF": (".gif",),
    "TIFF": (".tif", ".tiff"),
    "AVIF": (".avif",),
    "JPEG2000": (".jp2", ".j2k", ".jpx"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
}
HEIF_READER = "pillow_heif"  # of the extra `heic`
HEIF_SUFFIXES = (".heic", ".heif", ".hif")
if importlib.util.find_spec(HEIF_READER):
    FORMATS["HEIF"] = HEIF_SUFFIXES
PHOTO_SUFFIXES = tuple(suffix for suffixes in FORMATS.values() for suffix in suffixes)
ANNOTATION = ".xml"
TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".json", ".yaml", ".yml", ".md", ".html")  # that lie beside photos


@dataclass(frozen=True)
class PhotoFiles:
    """What lies below a folder.

    Attributes:
        photos: all photos by their path without extension, sorted; two may differ in the extension only.
        annotations: the XML files.
        others: what is neither a photo nor text: files of other formats, named pipes.
        unreadable: folders that may not be read.
    """

    photos: dict[str, list[Path]] = field(default_factory=dict)
    annotations: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    unreadable: list[Path] = field(default_factory=list)

    def passed_over(self) -> str:
        """Return what is passed over, as the end of a sentence: how much of each kind, and the first; or nothing."""
        found = [*self.unreadable, *self.others]
        if not found:
            return ""
        kinds = Counter(path.suffix.lower() or "without extension" for path in self.others)
        counted = [f"{number} {kind}" for kind, number in kinds.most_common()]
        if self.unreadable:
            counted.insert(0, f"{len(self.unreadable)} unreadable folder{'s' * (len(self.unreadable) > 1)}")
        advice = "; for HEIC, pip install pillow-heif" if kinds.keys() & {*HEIF_SUFFIXES} - {*PHOTO_SUFFIXES} else ""
        return f"{', '.join(counted)}; the first is {found[0]}{advice}"


def photo_files(root: Path, *, besides: Path | None = None) -> PhotoFiles:
    """Return what lies below `root`, linked folders included.

    Files and folders whose name begins with a dot are left out, and so is the folder `besides`, which holds pictures
    of ours.
    """
    found = PhotoFiles()
    own = os.path.realpath(besides) if besides else ""
    _add_folder(root, found, root=root, own=own, above=frozenset())
    return found


def _add_folder(folder: Path, found: PhotoFiles, *, root: Path, own: str, above: frozenset[str]) -> None:
    place = os.path.realpath(folder)
    if place == own or place in above:  # a link to a folder above would have no end
        return
    try:
        with os.scandir(folder) as entries:
            visible = sorted((entry for entry in entries if entry.name[0] != "."), key=lambda entry: entry.name)
    except OSError:
        found.unreadable.append(folder)
        return
    folders = [entry for entry in visible if _is(entry.is_dir)]
    for entry in visible:
        path = folder / entry.name
        suffix = path.suffix.lower()
        # a broken link was meant as a photo: it is named with all else that cannot be used
        if suffix in PHOTO_SUFFIXES and (_is(entry.is_file) or not os.path.exists(path)):
            found.photos.setdefault(path.relative_to(root).with_suffix("").as_posix(), []).append(path)
        elif suffix == ANNOTATION and _is(entry.is_file):
            found.annotations.append(path)
        elif entry not in folders and suffix not in TEXT_SUFFIXES:
            found.others.append(path)
    for entry in folders:
        _add_folder(folder / entry.name, found, root=root, own=own, above=above | {place})


def _is(kind: Callable[[], bool]) -> bool:
    try:
        return kind()
    except OSError:  # of a link into a folder that may not be searched
        return False


@functools.cache
def photos_digest(root: Path, *, besides: Path) -> str:
    """Return 16 hex digits that depend on the paths below `root` and the bytes of its photos, and on nothing else.

    Not on times: a photo may be replaced by an older file, and touching one changes nothing. Computed once a process.
    """
    digest = hashlib.sha256()
    for paths in photo_files(root, besides=besides).photos.values():
        for path in paths:
            digest.update(os.fsencode(path.relative_to(root)) + b"\0")
            try:
                with open(path, "rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
            except OSError:  # listed with all else that is wrong, by `mdc.predict.photos.list_photos`
                digest.update(b"unreadable")
    return digest.hexdigest()[:16]


def copies(photos: Iterable[tuple[str, Path]]) -> dict[str, str]:
    """Return, for each of the (id, file) that has the bytes of an earlier one, by id, the id of the first of these.

    Only files of equal size are read; what cannot be read has no copies.
    """
    of_size: dict[int, list[tuple[str, Path]]] = {}
    for id, path in sorted(photos):
        try:
            of_size.setdefault(path.stat().st_size, []).append((id, path))
        except OSError:
            continue
    first_of: dict[str, str] = {}
    found = {}
    for members in of_size.values():
        for id, path in members if len(members) > 1 else []:
            try:
                with open(path, "rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError:
                continue
            first = first_of.setdefault(digest, id)
            if first != id:
                found[id] = first
    return found
