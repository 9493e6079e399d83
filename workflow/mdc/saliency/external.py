"""Saliency maps of any other model, 8-bit grey PNGs in a folder, instead of computed ones."""

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import pandas as pd

from mdc.data.manifest import read_manifest
from mdc.data.picture_folders import PictureFolder
from mdc.runtime.errors import InputError, listing
from mdc.runtime.files import write_whole
from mdc.runtime.hashes import file_digest
from mdc.runtime.logs import logger
from mdc.runtime.parallel import map_in_order
from mdc.saliency.computed import write_saliency
from mdc.saliency.maps import read_saliency, write_saliency_map
from mdc.storage.image_tables import COLUMNS, png_path

MISSING_SHOWN = 20


def check_maps_exist(*, folder: Path, split_csvs: Sequence[Path], missing_csv: Path, by_rbd: bool) -> None:
    """Write to `missing_csv`, column id, which images of the manifests have no map `folder`/id.png.

    Args:
        by_rbd: whether these maps will be computed; otherwise a missing one is an error.

    Raises:
        InputError: maps are missing and `by_rbd` is false; counts them, names the first and the file that lists all.
    """
    ids = [id for csv in split_csvs for id in read_manifest(csv)["id"]]
    maps = PictureFolder(folder)
    missing = [id for id in ids if not maps.path(id).is_file()]
    if missing and not by_rbd:
        all_of_them = missing_csv.with_name("missing_maps.txt")  # stays, unlike the output of a failed rule
        write_whole(all_of_them, "".join(f"{id}\n" for id in missing).encode())
        raise InputError(
            listing(
                f"saliency.folder: {len(missing)} of {len(ids)} images have no map in {folder}, all listed in "
                f"{all_of_them}: make these maps, or set saliency.missing to rbd (computed here for these images), or "
                "saliency.source to rbd or none; the first are",
                [str(png_path(folder, id)) for id in missing[:MISSING_SHOWN]],
            )
        )
    if missing:
        logger.info("%d of %d images have no map in %s: theirs are computed by rbd", len(missing), len(ids), folder)
    write_whole(missing_csv, pd.DataFrame({"id": missing}).to_csv(index=False).encode())


def check_folder(folder: Path, table: pd.DataFrame, *, reduced_folder: Path, processes: int) -> pd.DataFrame:
    """Return the table of `write_saliency` for maps made by another model, `folder`/id.png of each row of a manifest.

    A map has its photo's own size or that of the reduced photo. Of one that must be reduced, as its photo was, a copy
    is written to `reduced_folder`/id.png; the others are used where they lie.
    Raises one `InputError` that lists every map which is missing, is not an 8-bit grey PNG or differs in size.
    """
    one = functools.partial(_checked, reduced_folder=reduced_folder)
    items = _maps(table, PictureFolder(folder))
    rows = list(map_in_order(one, items, processes=processes, label="saliency maps checked", total=len(table)))
    problems = [row for row in rows if isinstance(row, str)]
    if problems:
        headline = (
            f"{len(problems)} of {len(table)} saliency maps are unusable: make these maps, each at its photo's size, "
            "or set the config key saliency.source to rbd (maps computed here) or none"
        )
        raise InputError(listing(headline, problems))
    return pd.DataFrame(rows, columns=COLUMNS)


def _maps(table: pd.DataFrame, maps: PictureFolder) -> Iterator[tuple[str, Path, tuple[int, int], tuple[int, int]]]:
    """Yield (id, map, own size, reduced size) of the images of a manifest."""
    for row in table.itertuples():
        yield row.id, maps.path(row.id), (row.own_height, row.own_width), (row.height, row.width)


def _checked(
    image: tuple[str, Path, tuple[int, int], tuple[int, int]], *, reduced_folder: Path
) -> tuple[str, str, str] | str:
    """Return the row of an image's map, or what is wrong with the map."""
    image_id, path, own_size, (height, width) = image
    try:
        saliency = read_saliency(path, size=own_size, reduced=(height, width))
    except InputError as error:
        return str(error)
    if saliency.shape != (height, width):
        path = png_path(reduced_folder, image_id)
        write_saliency_map(path, cv2.resize(saliency, (width, height), interpolation=cv2.INTER_AREA))
    return image_id, str(path), file_digest(path)


def maps_of_images(
    table: pd.DataFrame, *, external_folder: Path, by_rbd: bool, computed_folder: Path, processes: int
) -> pd.DataFrame:
    """Return the table of `write_saliency` for the rows of a manifest, with the maps of `external_folder`, checked.

    With `by_rbd`, images without a map there get one computed, in `computed_folder`, where reduced maps are as well.
    Raises what `check_folder` and `write_saliency` raise.
    """
    maps = PictureFolder(external_folder)
    has_map = pd.Series([not by_rbd or maps.path(id).is_file() for id in table["id"]], table.index, bool)
    given = check_folder(external_folder, table[has_map], reduced_folder=computed_folder, processes=processes)
    images = [(row.id, Path(row.image)) for row in table[~has_map].itertuples()]
    computed = write_saliency(images, folder=computed_folder, processes=processes)
    return pd.concat([given, computed]).set_index("id").loc[table["id"]].reset_index()
