"""HDF5 files with other arrays, attributes, names, links or storage."""

import io
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np

from mdc.storage.hdf5_checks import plain
from tests.fuzz.mutations import Rng, pick

NUMBERS = (-1, 0, 1, 7, 10**6, 2**31, 2**62, 1.5, float("nan"), float("inf"), "8", b"8", [8, 8], [], True)


def hdf5(change: Callable[[Rng, h5py.File], None]) -> Callable[[Rng, bytes], bytes]:
    """Return the mutator that applies `change` to the opened file."""

    def mutate(rng: Rng, data: bytes) -> bytes:
        buffer = io.BytesIO(data)
        with h5py.File(buffer, "r+") as file:
            change(rng, file)
        return buffer.getvalue()

    mutate.__name__ = change.__name__
    return mutate


def _group(rng: Rng, file: h5py.File) -> h5py.Group:
    return file[pick(rng, list(file))]


def _replaced(group: h5py.Group, name: str, **content: Any) -> None:
    del group[name]
    group.create_dataset(name, **content)


@hdf5
def hdf5_missing(rng: Rng, file: h5py.File) -> None:
    group = _group(rng, file)
    action = int(rng.integers(4))
    if action == 0:
        del group[pick(rng, list(group))]
    elif action == 1:
        del group.attrs[pick(rng, list(group.attrs))]
    elif action == 2:
        del file.attrs[pick(rng, list(file.attrs))]
    else:
        del file[group.name]


@hdf5
def hdf5_attribute(rng: Rng, file: h5py.File) -> None:
    where = pick(rng, [file, file, _group(rng, file)])
    name = pick(rng, list(where.attrs))
    value = plain(where.attrs[name])
    if isinstance(value, list) and rng.uniform() < 0.5:
        values = [value[:-1], value[::-1], value + value, value[:1]]
        where.attrs[name] = pick(rng, values)
    elif isinstance(value, str) and rng.uniform() < 0.5:
        where.attrs[name] = pick(rng, [value + "x", "../x", "", "é", value.upper(), [value], "x" * 5000])
    else:
        del where.attrs[name]
        where.attrs[name] = pick(rng, NUMBERS)


@hdf5
def hdf5_shape(rng: Rng, file: h5py.File) -> None:
    group = _group(rng, file)
    name = pick(rng, list(group))
    array = group[name][:]
    shapes = [array[:-1], array[..., :-1], array[None], array[..., None], array.T, array.ravel()[:1].reshape(())]
    shapes += [np.concatenate([array, array]), array[:0], array.ravel()]
    _replaced(group, name, data=pick(rng, shapes))


@hdf5
def hdf5_dtype(rng: Rng, file: h5py.File) -> None:
    group = _group(rng, file)
    name = pick(rng, list(group))
    array = group[name][:]
    dtypes = ["f8", "f4", ">f2", "i8", "i1", "u2", "?", "c8", "S5", h5py.string_dtype(), [("a", "f2"), ("b", "i1")]]
    dtype = np.dtype(pick(rng, dtypes))
    if dtype.kind in "OV":
        _replaced(group, name, shape=array.shape, dtype=dtype)
    else:
        _replaced(group, name, data=array.astype(dtype))


@hdf5
def hdf5_values(rng: Rng, file: h5py.File) -> None:
    group = _group(rng, file)
    name = pick(rng, list(group))
    array = group[name][...]
    if not array.size:
        return
    values = [0, 1, 5, 200, 255] if array.dtype.kind in "ui" else [np.nan, np.inf, -np.inf, 0, 1, -65504, 65504]
    array.reshape(-1)[int(rng.integers(array.size))] = pick(rng, values)
    group[name][...] = array


@hdf5
def hdf5_unallocated(rng: Rng, file: h5py.File) -> None:
    """Leave a dataset without values, which HDF5 reads as zeros."""
    group = _group(rng, file)
    name = pick(rng, list(group))
    shape, dtype = group[name].shape, group[name].dtype
    chunks = shape if rng.uniform() < 0.5 and 0 not in shape else None
    checked = {"fletcher32": True} if chunks and rng.uniform() < 0.5 else {}
    _replaced(group, name, shape=shape, dtype=dtype, chunks=chunks, **checked)


@hdf5
def hdf5_huge(rng: Rng, file: h5py.File) -> None:
    """Say that there are terabytes."""
    group = _group(rng, file)
    name = pick(rng, list(group))
    old = group[name]
    shape = tuple(size if rng.uniform() < 0.5 else 10**6 for size in old.shape)
    _replaced(group, name, shape=shape, dtype=old.dtype, chunks=tuple(min(size, 64) or 1 for size in shape))
    if rng.uniform() < 0.5:
        group.attrs.update({"height": 8 * 10**6 - 7, "width": 8 * 10**6 - 7})


@hdf5
def hdf5_links(rng: Rng, file: h5py.File) -> None:
    """Put a link in a group's or a dataset's place."""
    group = _group(rng, file)
    where, name = (file, group.name.strip("/")) if rng.uniform() < 0.5 else (group, pick(rng, list(group)))
    other = pick(rng, list(file))
    targets = [
        h5py.SoftLink(f"/{other}"),
        h5py.SoftLink("/nowhere"),
        h5py.SoftLink(f"/{group.name}"),
        h5py.ExternalLink("originals/run/cams/train.h5", f"/{other}"),
        h5py.ExternalLink("/etc/passwd", "/"),
        file[other],
    ]
    del where[name]
    try:
        where[name] = pick(rng, targets)
    except (ValueError, OSError, RuntimeError):
        where.create_group(name)


@hdf5
def hdf5_names(rng: Rng, file: h5py.File) -> None:
    """Rename a group, with or without its id."""
    group = _group(rng, file)
    new = pick(rng, ["..", "a/b", "a/../../b", "x", "é", "x" * 300, " ", "50%", "%2e%2e", "-"])
    if rng.uniform() < 0.5:
        group.attrs["id"] = new
    file.move(group.name, new if rng.uniform() < 0.5 else new.replace("%", "%25").replace("/", "%2F"))


@hdf5
def hdf5_kinds(rng: Rng, file: h5py.File) -> None:
    """Put a dataset in a group's place, or a group in a dataset's, or add what does not belong there."""
    group = _group(rng, file)
    action = int(rng.integers(3))
    if action == 0:
        name = group.name
        del file[name]
        file.create_dataset(name, data=np.zeros(3))
    elif action == 1:
        name = pick(rng, list(group))
        del group[name]
        group.create_group(name)
    else:
        file.create_dataset("extra", data=np.zeros(3)) if rng.uniform() < 0.5 else file.create_group("extra")


@hdf5
def hdf5_storage(rng: Rng, file: h5py.File) -> None:
    """Store the same values otherwise: compressed, without checksum, in another file, as a view of a dataset."""
    group = _group(rng, file)
    name = pick(rng, list(group))
    array = group[name][...]
    action = int(rng.integers(4)) if array.size else 0
    if action == 0:
        _replaced(group, name, data=array)
    elif action == 1:
        _replaced(group, name, data=array, compression="gzip", shuffle=True)
    elif action == 2:
        del group[name]
        layout = h5py.VirtualLayout(shape=array.shape, dtype=array.dtype)
        layout[...] = h5py.VirtualSource("nowhere.h5", "a", shape=array.shape)
        group.create_virtual_dataset(name, layout)
    else:
        _replaced(group, name, shape=array.shape, dtype=array.dtype, external=[("/etc/passwd", 0, array.nbytes)])


HDF5 = (
    *(hdf5_missing, hdf5_missing, hdf5_attribute, hdf5_attribute, hdf5_attribute, hdf5_shape, hdf5_shape, hdf5_dtype),
    *(hdf5_values, hdf5_values, hdf5_unallocated, hdf5_huge, hdf5_links, hdf5_names, hdf5_kinds, hdf5_storage),
)
