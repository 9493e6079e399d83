"""Which files of a folder are photos, and whether they changed; standard library only, the rules read it."""

import functools
import hashlib
import os
from pathlib import Path

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp")


def photo_files(root: Path, *, besides: Path) -> dict[str, list[Path]]:
    """Return all photos below `root` by their path without extension, sorted; two may differ in the extension only.

    Other files, and files and folders whose name begins with a dot, are left out, and so is the folder `besides`,
    which holds pictures of ours.
    """
    files: dict[str, list[Path]] = {}
    own = os.path.abspath(besides)
    for place, folders, names in os.walk(root):
        folders[:] = sorted(
            name for name in folders if name[0] != "." and os.path.abspath(os.path.join(place, name)) != own
        )
        for name in sorted(names):
            path = Path(place, name)
            if path.suffix.lower() in PHOTO_SUFFIXES and name[0] != ".":
                files.setdefault(path.relative_to(root).with_suffix("").as_posix(), []).append(path)
    return files


@functools.cache
def photos_digest(root: Path, *, besides: Path) -> str:
    """Return 16 hex digits that depend on the paths below `root` and the bytes of `photo_files`, and on nothing else.

    Not on times: a photo may be replaced by an older file, and touching one changes nothing. Computed once a process.
    """
    digest = hashlib.sha256()
    for paths in photo_files(root, besides=besides).values():
        for path in paths:
            digest.update(os.fsencode(path.relative_to(root)) + b"\0")
            try:
                with open(path, "rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
            except OSError:  # what cannot be read is listed, with all else that is wrong, by `new_photos.list_photos`
                digest.update(b"unreadable")
    return digest.hexdigest()[:16]
