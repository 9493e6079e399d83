"""Listing and checking a folder of new photos, of which nothing else is known."""

import functools
import sys
from pathlib import Path

import pandas as pd

from mdc.data.decoding import read_any_image
from mdc.data.image_ids import id_problem
from mdc.data.photo_files import PHOTO_SUFFIXES, photo_files
from mdc.runtime.errors import InputError, listing
from mdc.runtime.files import write_whole
from mdc.runtime.hashes import file_digest
from mdc.runtime.logs import logger
from mdc.runtime.parallel import map_in_order

COLUMNS = ["id", "image", "height", "width", "digest"]
OWN_SIZE = sys.maxsize  # as `max_side_px`: photos are not reduced


def list_photos(*, root: Path, besides: Path, photos_csv: Path, processes: int) -> None:
    """Write the table of all photos below `root`, each decoded once: id, image, height, width, digest of its bytes.

    `besides` is a folder that is left out, see `photo_files`. Photos of any colour mode, size and rotation count.

    Raises:
        InputError: there is no photo, or photos cannot be used; lists them all.
    """
    found = photo_files(root, besides=besides)
    files, passed_over = found.photos, found.passed_over()
    if not files:
        suffixes = ", ".join(PHOTO_SUFFIXES)
        besides_them = f" (passed over: {passed_over})" if passed_over else ""
        raise InputError(
            f"predict.photos: there is no photo in {root}{besides_them}: name a folder with files ending in {suffixes}"
        )
    if passed_over:
        logger.warning("not photos that are read, passed over in %s: %s", root, passed_over)
    problems = []
    for id, paths in files.items():
        problem = id_problem(id)
        if problem:
            problems.append(f"{paths[0]}: the name {problem}")
        elif len(paths) > 1:
            names = ", ".join(path.name for path in paths)
            problems.append(f"{paths[0].parent}: {names} would share one mask: rename all but one")
    checked = functools.partial(_checked, root=root)
    paths = [path for paths in files.values() for path in paths]
    rows = list(map_in_order(checked, paths, processes=processes, label="checking photos"))
    problems += [row for row in rows if isinstance(row, str)]
    if problems:
        raise InputError(listing(f"the photos in {root} cannot be used; fix or remove:", problems))
    logger.info("photos in %s: %d", root, len(rows))
    write_whole(photos_csv, pd.DataFrame(rows, columns=COLUMNS).to_csv(index=False).encode())


def _checked(path: Path, *, root: Path) -> tuple[str, str, int, int, str] | str:
    """Return the row of a photo, or what is wrong with it."""
    try:
        height, width = read_any_image(path, max_side_px=OWN_SIZE).shape[:2]
    except InputError as error:
        return str(error)
    return path.relative_to(root).with_suffix("").as_posix(), str(path), height, width, file_digest(path)


def read_photos(photos_csv: Path) -> dict[str, Path]:
    """Return id -> file of the photos of a table that `list_photos` wrote."""
    table = pd.read_csv(photos_csv, dtype={"id": str, "image": str}, na_filter=False)
    return {row.id: Path(row.image) for row in table.itertuples()}
