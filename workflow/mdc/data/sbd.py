"""The Semantic Boundaries Dataset (Hariharan et al., ICCV 2011), which enlarges VOC's training set (paper §4.1)."""

import struct
import zlib
from functools import partial
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from mdc.data.image_ids import id_problem
from mdc.data.labels import CLASSES
from mdc.data.locate import sbd_dataset
from mdc.data.mask_files import write_mask
from mdc.data.text_lists import read_list
from mdc.runtime.errors import InputError, listing
from mdc.runtime.hashes import file_digest
from mdc.runtime.parallel import apart, map_in_order
from mdc.storage.image_tables import png_path, write_table

MAT_HEADER_BYTES, ORDER_AT, COMPRESSED = 128, 126, 15  # of the MATLAB v5 format
LISTS = ("train", "val")


def sbd_ids(root: Path) -> list[str]:
    """Return the ids of SBD's own train and val lists together, sorted; `root` is SBD's folder or a parent of it.

    Raises `InputError` when a list is missing or an id is in both.
    """
    dataset = sbd_dataset(root)
    if dataset is None:
        raise InputError(f"{root}: is not a folder of SBD: it has no cls/ with train.txt and val.txt beside it")
    ids = [id for name in LISTS for id in read_list(dataset / f"{name}.txt")]
    if len(set(ids)) != len(ids):
        twice = next(id for id in ids if ids.count(id) > 1)
        raise InputError(f"{dataset}: '{twice}' is listed twice in train.txt and val.txt: restore the original lists")
    for id in ids:
        if id_problem(id):  # ids become names of files
            raise InputError(f"{dataset}: the image id '{id}' in train.txt or val.txt {id_problem(id)}")
    return sorted(ids)


def read_mat_mask(path: Path) -> np.ndarray:
    """Return the class indices of an SBD `cls/<id>.mat`: uint8 (H, W), 0 background, 1 to 20 VOC's classes; no void.

    Raises `InputError` if it is missing, not a MATLAB v5 file with `GTcls.Segmentation`, or has other values.
    """
    try:
        _check_streams(path.read_bytes())
        mask = apart(_segmentation, path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such mask, but its id is in SBD's lists: unpack SBD again") from error
    except Exception as error:  # what SciPy raises for a damaged file depends on which byte is damaged
        raise InputError(f"{path}: is not readable as a mask of SBD ({error}): unpack SBD again") from error
    if mask.ndim != 2 or mask.size == 0 or mask.dtype.kind not in "uif":
        raise InputError(f"{path}: GTcls.Segmentation is {mask.dtype} {mask.shape}, not a picture of class indices")
    if not np.isin(mask, np.arange(len(CLASSES) + 1)).all():
        raise InputError(f"{path}: GTcls.Segmentation has values other than 0 to {len(CLASSES)}")
    return mask.astype(np.uint8)


def _segmentation(path: Path) -> np.ndarray:
    with open(path, "rb") as file:
        return np.asarray(loadmat(file, variable_names=["GTcls"])["GTcls"]["Segmentation"].item())


def _check_streams(data: bytes) -> None:
    """Raise an error if a compressed element of a MATLAB v5 file does not have its checksum; SciPy stops before it."""
    order = "<" if data[ORDER_AT : ORDER_AT + 2] == b"IM" else ">"
    place = MAT_HEADER_BYTES
    while place < len(data):
        kind, length = struct.unpack_from(f"{order}II", data, place)
        place += 8 + length
        if place > len(data):
            raise ValueError("it is truncated")
        if kind == COMPRESSED:
            zlib.decompress(data[place - length : place])


def convert_sbd(root: Path, *, folder: Path, table_csv: Path, processes: int) -> None:
    """Write every mask of SBD as a palette PNG, `folder`/<id>.png, and their table (see `mdc.storage.image_tables`).

    Raises one `InputError` that lists every mask that cannot be read.
    """
    ids = sbd_ids(root)
    convert = partial(_convert, cls=sbd_dataset(root) / "cls", folder=folder)
    rows, problems = [], []
    for row, problem in map_in_order(convert, ids, processes=processes, label="converting SBD masks"):
        (problems if problem else rows).append(problem or row)
    if problems:
        raise InputError(listing(f"{len(problems)} of {len(ids)} masks of SBD cannot be used:", problems))
    write_table(rows, table_csv)


def _convert(id: str, *, cls: Path, folder: Path) -> tuple[tuple[str, str, str] | None, str]:
    path = png_path(folder, id)
    try:
        write_mask(path, read_mat_mask(cls / f"{id}.mat"))
    except InputError as error:
        return None, str(error)
    return (id, str(path), file_digest(path)), ""
