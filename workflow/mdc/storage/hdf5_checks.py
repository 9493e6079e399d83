"""What can be wrong with an HDF5 file of this project although HDF5 reads it; see `mdc.storage.hdf5`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np

T = TypeVar("T")
GRID = "feature (i, j) sits on pixel (offset + stride * i, offset + stride * j)"
FACTORS = "factors"  # attribute of an array: what each of its maps was divided by, float64


class UnreadableShardError(ValueError):
    """A link leads to the file `shard`, which is missing or damaged."""

    def __init__(self, shard: str, reason: Exception) -> None:
        super().__init__(str(reason))
        self.shard = shard


def encoded_text(text: str | list[str]) -> np.ndarray:
    """Return a text, or a list of them, as HDF5 keeps it under the checksum of what it belongs to: of fixed length.

    Texts of variable length lie in a heap without one, in which HDF5 may search endlessly when it is damaged.
    """
    encoded = np.array(text.encode() if isinstance(text, str) else [item.encode() for item in text], bytes)
    return encoded.astype(h5py.string_dtype("utf-8", max(encoded.itemsize, 1)))


def plain(value: Any) -> Any:
    """Return the value of an attribute as a plain value or list, texts decoded."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value


def plain_attributes(file: h5py.File) -> dict[str, Any]:
    """Return the attributes of a file as plain values and lists."""
    return {name: plain(value) for name, value in file.attrs.items()}


def attributes_problem(
    found: Mapping[str, Any], *, format: str, versions: Sequence[int], in_pixels: Sequence[str]
) -> str:
    """Return what is wrong with the plain attributes of a file that must be of `format`, or nothing.

    Args:
        versions: those that can be read.
        in_pixels: attributes that are one whole number of pixels, or a list of them.
    """
    if found.get("format") != format or found.get("version") not in versions:
        return f"format {found.get('format')} version {found.get('version')}, expected {format} version {versions[0]}"
    for name in in_pixels:
        values = found.get(name)
        if not all(type(value) is int and value > 0 for value in (values if isinstance(values, list) else [values])):
            return f"attribute {name} is {values!r}, it must be a whole number of pixels"
    offset = found.get("offset")
    if type(offset) not in (int, float) or not 0 <= offset < found["stride"]:
        return f"attribute offset is {offset!r}, it must be between 0 and the stride"
    classes = found.get("classes")
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        return f"attribute classes is {classes!r}, it must be a list of names"
    return ""


def factors(maps: np.ndarray) -> np.ndarray | None:
    """Return by what to divide each map, float64 (...,) of maps (..., h, w), so that float16 keeps its digits.

    They are powers of two, which bring a map's largest absolute value to 1..2, and 1 for maps that need none. None if
    no map needs one.
    """
    largest = np.abs(maps.astype(np.float64)).max(axis=(-2, -1), initial=0)
    is_small = (largest > 0) & (largest < np.finfo(np.float16).smallest_normal)
    exponents = np.floor(np.log2(largest, out=np.zeros_like(largest), where=is_small))
    return 2.0**exponents if is_small.any() else None


def own_member(group: h5py.Group, name: str, kind: type[T], *, or_shard: bool = False) -> T:
    """Return a member of `group` that lies in this file and nowhere else; raises ValueError if there is none.

    With `or_shard` it may also lie under the same name in a file beside this one, as `link_shards` has it.
    """
    link = group.get(name, getlink=True)
    in_shard = isinstance(link, h5py.ExternalLink) and Path(link.filename).name == link.filename and link.path == name
    if not isinstance(link, h5py.HardLink) and not (or_shard and in_shard):
        raise ValueError(f"{name} is missing or a link")
    try:
        found = group[name]
    except (KeyError, OSError) as error:
        if in_shard:
            raise UnreadableShardError(link.filename, error) from error
        raise
    if not isinstance(found, kind):
        raise ValueError(f"{name} is not a {kind.__name__.lower()}")
    return found


def checked_array(
    group: h5py.Group, name: str, *, kinds: str, shape: tuple[int | None, ...], with_checksum: bool
) -> np.ndarray:
    """Return an array whose shape and storage are known to be right before it is read, and whose values are finite.

    Args:
        kinds: of dtypes that it may have, as numpy abbreviates them.
        shape: None for any length.
        with_checksum: whether it must have one.

    Returns:
        the array as it was given to the writer, rounded: float32 where its maps had `factors`.

    Raises:
        ValueError: it is otherwise; or what HDF5 raises.
    """
    dataset = own_member(group, name, h5py.Dataset)
    fits = len(dataset.shape) == len(shape) and all(a in (b, None) for a, b in zip(shape, dataset.shape, strict=True))
    if not fits or dataset.dtype.kind not in kinds:
        expected = " x ".join("any" if side is None else str(side) for side in shape)
        grid = f"; {GRID}, up to the photo's end or beyond" if len(shape) > 2 else ""
        raise ValueError(f"{name} is {dataset.dtype} {dataset.shape}, expected {expected} numbers{grid}")
    if dataset.is_virtual or dataset.external:
        raise ValueError(f"{name} lies in another file")
    if dataset.size and not dataset.id.get_storage_size():
        raise ValueError(f"{name} was never written")  # HDF5 reads zeros
    if dataset.size and with_checksum and not dataset.fletcher32:
        raise ValueError(f"{name} has no checksum")
    array = dataset[...]
    if FACTORS in dataset.attrs:
        scale = np.asarray(dataset.attrs[FACTORS])
        if scale.dtype.kind != "f" or scale.shape != array.shape[:-2]:
            raise ValueError(f"{FACTORS} of {name} are {scale.dtype} {scale.shape}, expected one per map")
        array = (array * scale[..., None, None]).astype(np.float32)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has values that are not finite")
    return array
