"""Whether two results folders hold the same results: values, not bytes, wherever bytes also hold times or chances.

python -m tests.equality results/one results/other      (exit status 1 if anything differs, a line each)

HDF5 files are compared by their groups and datasets, in order, and all attributes; PNGs by mode, palette and pixels;
checkpoints by their description, their settings and, bit for bit, their tensors; everything else by its bytes. Logs,
benchmarks, curves of TensorBoard, report, figures, the run's README.md and config.yaml, and states of unfinished
trainings are no results.
"""

import itertools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from mdc.networks.weight_files import read_torch
from mdc.runtime.errors import InputError

NO_RESULTS = {"logs", "benchmarks", "report", "figures", "README.md", "config.yaml", "report.html", "report.zip"}


def differences(ours: Path, theirs: Path) -> list[str]:
    """Return what differs between two folders `results/<run>`, a line per file that begins with its path there.

    Empty if they are equal in the sense of the module. A file that only one of them has is a difference.
    """
    found = {name: (ours / name, theirs / name) for name in result_files(ours) | result_files(theirs)}
    return [f"{name}: {difference}" for name in sorted(found) if (difference := _difference(*found[name]))]


def result_files(folder: Path) -> set[str]:
    """Return the files below `folder` that hold results, relative to it; hidden ones, left by kills, are among them."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir())
    return {path.as_posix() for path in paths if _holds_results(path)}


def _holds_results(path: Path) -> bool:
    unfinished = path.name.startswith("resume-") and path.suffix == ".ckpt"
    return path.parts[0] not in NO_RESULTS and "tensorboard" not in path.parts and not unfinished


def _difference(ours: Path, theirs: Path) -> str:
    """Return what differs between two files, empty if nothing does."""
    if not ours.exists() or not theirs.exists():
        return f"is missing in the {'second' if ours.exists() else 'first'} folder"
    if ours.read_bytes() == theirs.read_bytes():
        return ""
    try:
        return _BY_SUFFIX.get(ours.suffix, _bytes)(ours, theirs)
    except (OSError, KeyError, SyntaxError, InputError) as error:  # SyntaxError is what PIL calls a damaged PNG
        return f"cannot be read: {error}"


def _bytes(ours: Path, theirs: Path) -> str:
    lines = itertools.zip_longest(ours.read_bytes().split(b"\n"), theirs.read_bytes().split(b"\n"), fillvalue=b"")
    number, (one, other) = next((n, pair) for n, pair in enumerate(lines, 1) if pair[0] != pair[1])
    return f"line {number} is {_shown(one)} and {_shown(other)}"


def _shown(line: bytes) -> str:
    return repr(line[:100].decode(errors="replace"))


def _png(ours: Path, theirs: Path) -> str:
    with Image.open(ours) as a, Image.open(theirs) as b:
        if (a.mode, a.size, a.getpalette()) != (b.mode, b.size, b.getpalette()):
            return f"modes, sizes or palettes differ: {a.mode} {a.size} and {b.mode} {b.size}"
        return _array(np.asarray(a), np.asarray(b))


def _array(ours: np.ndarray, theirs: np.ndarray) -> str:
    if (ours.dtype, ours.shape) != (theirs.dtype, theirs.shape):
        return f"{ours.dtype} {ours.shape} and {theirs.dtype} {theirs.shape}"
    if ours.tobytes() == theirs.tobytes():
        return ""
    if ours.dtype.hasobject:  # texts, whose bytes are addresses
        unequal = np.array([a != b for a, b in zip(ours.flat, theirs.flat, strict=True)]).reshape(ours.shape)
        return _count(unequal)
    width = ours.dtype.itemsize  # bit for bit: -0.0 is not 0.0, and NaN is itself
    bits = [np.frombuffer(array.tobytes(), np.uint8).reshape(-1, width) for array in (ours, theirs)]
    return _count((bits[0] != bits[1]).any(1))


def _count(unequal: np.ndarray) -> str:
    return f"{unequal.sum()} of {unequal.size} values differ" if unequal.any() else ""


def _hdf5(ours: Path, theirs: Path) -> str:
    with h5py.File(ours, "r") as a, h5py.File(theirs, "r") as b:
        return next(_hdf5_differences(a, b), "")


def _hdf5_differences(ours: h5py.Group | h5py.Dataset, theirs: h5py.Group | h5py.Dataset) -> Iterator[str]:
    if type(ours) is not type(theirs):
        yield f"{ours.name} is a {type(ours).__name__} and a {type(theirs).__name__}"
        return
    for name in sorted(ours.attrs.keys() | theirs.attrs.keys()):
        if name not in ours.attrs or name not in theirs.attrs:
            yield f"{ours.name} has attribute {name} in one folder only"
        elif difference := _array(np.asarray(ours.attrs[name]), np.asarray(theirs.attrs[name])):
            yield f"{ours.name} attribute {name}: {ours.attrs[name]!r} and {theirs.attrs[name]!r} ({difference})"
    if isinstance(ours, h5py.Dataset):
        if difference := _array(ours[()], theirs[()]):
            yield f"{ours.name}: {difference}"
        return
    for name, other in itertools.zip_longest(ours, theirs):
        if name != other:
            yield f"{ours.name} has {name} where the other has {other}"
            return
        yield from _hdf5_differences(ours[name], theirs[name])


def _checkpoint(ours: Path, theirs: Path) -> str:
    return next(_checkpoint_differences(read_torch(ours), read_torch(theirs)), "")


def _checkpoint_differences(ours: dict, theirs: dict) -> Iterator[str]:
    for part in ("description", "settings"):
        values = json.loads(ours[part]), json.loads(theirs[part])
        for name in sorted(values[0].keys() | values[1].keys()):
            one, other = (repr(of_one.get(name, "absent")) for of_one in values)
            if one != other:
                yield f"{name} of the {part} is {one} and {other}"
    for name in sorted(ours["state"].keys() | theirs["state"].keys()):
        if name not in ours["state"] or name not in theirs["state"]:
            yield f"tensor {name} is in one folder only"
        elif difference := _array(ours["state"][name].numpy(), theirs["state"][name].numpy()):
            yield f"tensor {name}: {difference}"


_BY_SUFFIX: dict[str, Callable[[Path, Path], str]] = {".png": _png, ".h5": _hdf5, ".pt": _checkpoint}


if __name__ == "__main__":
    lines = differences(Path(sys.argv[1]), Path(sys.argv[2]))
    print("\n".join(lines) or "equal")
    sys.exit(bool(lines))
