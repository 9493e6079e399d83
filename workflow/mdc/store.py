"""The HDF5 files of this project; the only module that opens them.

One group per image, named by its id with `%` and `/` written as `%25` and `%2F`; the plain id is its attribute `id`.

- maps of the classifier (`cams`): `maps` float16 (D, T, h, w), raw class activation maps of the D blocks for the T
  classes tagged in the image; `class_ids` uint8 (T,), their mask indices; `logits` float32 (D, K); attributes
  `height`, `width` of the photo.
- scores of the segmenter (`predictions`): `scores` float16 (C, h, w), logits, class 0 is background; attributes
  `height`, `width`.

Attributes of a file: `format`, `version`, `stride` and `grid` (where features lie), `classes`, `weights_hash`,
`config` (JSON), and for maps `dilations`.
"""

import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np

from mdc.errors import InputError
from mdc.files import written_whole

T = TypeVar("T")
CAMS, SCORES = "mdc-cams", "mdc-scores"
VERSION = 1
MADE_BY = {CAMS: "dump_cams", SCORES: "predict_scores"}
GRID = "feature (i, j) sits on pixel (stride * i, stride * j)"


@dataclass(frozen=True)
class Cams:
    """Maps of one image: see the module. `maps` (D, T, h, w), `class_ids` (T,), `logits` (D, K)."""

    id: str
    maps: np.ndarray
    class_ids: np.ndarray
    logits: np.ndarray
    height: int
    width: int


@dataclass(frozen=True)
class Scores:
    """Class scores of one image: logits (C, h, w)."""

    id: str
    scores: np.ndarray
    height: int
    width: int


def group_name(image_id: str) -> str:
    """Return the name of an image's group; ids may hold slashes, which HDF5 takes for nesting."""
    return image_id.replace("%", "%25").replace("/", "%2F")


def _half(array: np.ndarray, image_id: str) -> np.ndarray:
    half = array.astype(np.float16)
    if not np.isfinite(half).all():
        raise InputError(
            f"image {image_id}: a value is not finite or beyond 65504, the range of float16; where it comes from a "
            "network, its training has diverged: lower the learning rate"
        )
    return half


class _Disk(io.FileIO):
    """What HDF5 writes a file through: its first refusal is kept here, and HDF5 never hears of it.

    On a full disk HDF5 itself drops small arrays without an exception, which would then be zeros, and crashes when the
    file is closed.
    """

    refusal: OSError | None = None

    def write(self, data: memoryview) -> int:
        rest = memoryview(data).cast("B")
        while len(rest) and self.refusal is None:
            try:
                rest = rest[super().write(rest) :]
            except OSError as error:
                self.refusal = error
        return len(data)

    def check(self) -> None:
        """Raise what the disk had against a write so far."""
        if self.refusal:
            raise self.refusal


class Writer:
    """Adds images to a new file; use it through `create`."""

    def __init__(self, file: h5py.File, disk: _Disk) -> None:
        self.file, self.disk = file, disk

    def add_cams(self, cams: Cams) -> None:
        """Add the maps of one image, rounded to float16; raises OSError where the disk refuses, `create` InputError."""
        group = self._group(cams)
        group.create_dataset("maps", data=_half(cams.maps, cams.id))
        group.create_dataset("class_ids", data=cams.class_ids.astype(np.uint8))
        group.create_dataset("logits", data=cams.logits.astype(np.float32))

    def add_scores(self, scores: Scores) -> None:
        """Add the scores of one image, rounded to float16; raises as `add_cams`."""
        self._group(scores).create_dataset("scores", data=_half(scores.scores, scores.id))

    def _group(self, item: Cams | Scores) -> h5py.Group:
        self.disk.check()  # what is refused on closing the file is found by `create`
        group = self.file.create_group(group_name(item.id), track_order=True)
        group.attrs.update({"id": item.id, "height": item.height, "width": item.width})
        return group


@contextmanager
def create(
    path: Path,
    *,
    kind: str,
    stride: int,
    classes: Sequence[str],
    weights_hash: str,
    config: dict[str, Any],
    dilations: Sequence[int] = (),
) -> Iterator[Writer]:
    """Give a `Writer` for a new file of `kind` (`CAMS` or `SCORES`).

    The file appears under its name only when everything was written, so a file that exists is whole.
    Raises `InputError` where the disk is full or may not be written to.
    """
    with written_whole(path) as temporary, _Disk(temporary, "w+") as disk:
        with h5py.File(disk, "w", track_order=True) as file:
            file.attrs.update({"format": kind, "version": VERSION, "stride": stride, "grid": GRID})
            file.attrs.update({"weights_hash": weights_hash, "config": json.dumps(config, sort_keys=True)})
            file.attrs["classes"] = list(classes)
            if kind == CAMS:
                file.attrs["dilations"] = list(dilations)
            yield Writer(file, disk)
        disk.check()


def link_shards(shards: Sequence[Path], path: Path, *, kind: str) -> None:
    """Write a file by which the images of all `shards`, in their order, open as if they were in it.

    It has the first shard's attributes and a link per image into the shard, which must stay beside it: HDF5 then raises
    an error for an image of a missing or damaged shard, where a virtual dataset would read zeros.

    Raises:
        InputError: a shard is damaged, not of this kind (`CAMS` or `SCORES`), or has an image of an earlier one.
    """
    with written_whole(path) as temporary, h5py.File(temporary, "w", track_order=True) as file:
        file.attrs.update(attributes(shards[0], kind=kind))
        for shard in shards:
            with _opened(shard, kind) as source:
                for name in source:
                    if file.get(name, getlink=True) is not None:
                        raise InputError(
                            f"{shard}: image {name!r} is in an earlier shard too; remove the shards, run again"
                        )
                    file[name] = h5py.ExternalLink(os.path.relpath(shard, path.parent), name)


@contextmanager
def _opened(path: Path, kind: str) -> Iterator[h5py.File]:
    if not path.is_file():
        raise InputError(
            f"{path}: there is no such file; run the same again, so that the rule {MADE_BY[kind]} makes it"
        )
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise InputError(f"{path}: not a readable HDF5 file ({error}); {_made_again(kind)}") from error
    with file:
        found = (file.attrs.get("format"), file.attrs.get("version"))
        if found != (kind, VERSION):
            raise InputError(
                f"{path}: format {found[0]} version {found[1]}, expected {kind} version {VERSION}; {_made_again(kind)}"
            )
        yield file


def _made_again(kind: str) -> str:
    return f"remove it and run the same again: the rule {MADE_BY[kind]} makes it anew; replace a file of your own"


def attributes(path: Path, *, kind: str) -> dict[str, Any]:
    """Return the file's attributes as plain values and lists.

    Raises:
        InputError: it is not a readable file of this kind and version.
    """
    with _opened(path, kind) as file:
        return {name: value.tolist() if hasattr(value, "tolist") else value for name, value in file.attrs.items()}


def ids_in(path: Path, *, kind: str) -> list[str]:
    """Return the ids of the images in the file, in its order; raises as `attributes`."""
    with _opened(path, kind) as file:
        return [str(_image(file, name, path).attrs["id"]) for name in file]


def read_cams(path: Path, ids: Sequence[str] | None = None) -> Iterator[Cams]:
    """Yield the maps of `ids`, or of all images in the order of the file.

    Raises:
        InputError: the file is damaged, of another kind or version, or lacks an id.
    """
    yield from _items(path, CAMS, ids, _cams)


def read_scores(path: Path, ids: Sequence[str] | None = None) -> Iterator[Scores]:
    """Yield the scores of `ids`, or of all images in the order of the file; raises as `read_cams`."""
    yield from _items(path, SCORES, ids, _scores)


def _cams(group: h5py.Group) -> Cams:
    return Cams(
        id=str(group.attrs["id"]),
        maps=group["maps"][:],
        class_ids=group["class_ids"][:],
        logits=group["logits"][:],
        height=int(group.attrs["height"]),
        width=int(group.attrs["width"]),
    )


def _scores(group: h5py.Group) -> Scores:
    height, width = int(group.attrs["height"]), int(group.attrs["width"])
    return Scores(id=str(group.attrs["id"]), scores=group["scores"][:], height=height, width=width)


def _items(path: Path, kind: str, ids: Sequence[str] | None, read: Callable[[h5py.Group], T]) -> Iterator[T]:
    with _opened(path, kind) as file:
        for name in file if ids is None else map(group_name, ids):
            if name not in file:
                raise InputError(f"{path}: no image {name!r} in this file")
            group = _image(file, name, path)
            try:
                item = read(group)
            except (OSError, KeyError) as error:
                raise InputError(f"{path}: image {name!r} is damaged ({error}); {_made_again(kind)}") from error
            yield item


def _image(file: h5py.File, name: str, path: Path) -> h5py.Group:
    """Return the group of an image. Raises `InputError` when it is damaged or lies in a shard that cannot be read."""
    try:
        return file[name]
    except (OSError, KeyError) as error:
        link = file.get(name, getlink=True)
        damaged = path.parent / link.filename if isinstance(link, h5py.ExternalLink) else path
        raise InputError(f"{damaged}: image {name!r} cannot be read ({error}); remove the file, run again") from error
