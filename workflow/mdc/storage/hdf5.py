"""The HDF5 files of this project; the only module that opens them.

One group per image, named by its id with `%` and `/` written as `%25` and `%2F`; the plain id is its attribute `id`.

- maps of the classifier (`cams`): `maps` float16 (D, T, h, w), raw class activation maps of the D blocks for the T
  classes tagged in the image; `class_ids` uint8 (T,), their mask indices; `logits` float32 (D, K); attributes
  `height`, `width` of the photo.
- scores of the segmenter (`predictions`): `scores` float16 (C, h, w), logits, class 0 is background; attributes
  `height`, `width`.

Attributes of a file: `format`, `version`, `stride` and `grid` (where features lie), `classes`, `weights_hash`,
`config` (JSON), and for maps `dilations`.

Version 2 notices every damaged byte: arrays have HDF5's checksum (fletcher32), and everything else lies in structures
which have one in the file format of HDF5 1.10. Texts of variable length do not, so they are UTF-8 bytes of fixed
length. Version 1 has no checksums; it is what other methods' maps come in, and is read with the checks that are
possible without.
"""

import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np

from mdc.networks.grid import padded_side
from mdc.runtime.errors import InputError
from mdc.runtime.files import written_whole
from mdc.storage.hdf5_checks import (
    UnreadableShardError,
    attributes_problem,
    checked_array,
    encoded_text,
    own_member,
    plain,
    plain_attributes,
)

T = TypeVar("T")
CAMS, SCORES = "mdc-cams", "mdc-scores"
VERSION = 2
WITHOUT_CHECKSUMS = 1  # the version that is read as well
FILE_FORMAT = ("v110", "v110")  # of HDF5; the first with checksums of all its structures
MADE_BY = {CAMS: "dump_cams or link_cams", SCORES: "predict_scores"}
TARGETS = {CAMS: "cams", SCORES: "predictions"}
IN_PIXELS = {CAMS: ("stride", "dilations"), SCORES: ("stride",)}  # attributes
LONGEST_SIDE_PX = 1 << 20
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


def _image_id(name: str) -> str:
    return name.replace("%2F", "/").replace("%25", "%")


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
        _add(group, "maps", _half(cams.maps, cams.id))
        _add(group, "class_ids", cams.class_ids.astype(np.uint8))
        _add(group, "logits", cams.logits.astype(np.float32))

    def add_scores(self, scores: Scores) -> None:
        """Add the scores of one image, rounded to float16; raises as `add_cams`."""
        _add(self._group(scores), "scores", _half(scores.scores, scores.id))

    def _group(self, item: Cams | Scores) -> h5py.Group:
        self.disk.check()  # what is refused on closing the file is found by `create`
        group = self.file.create_group(group_name(item.id), track_order=True)
        group.attrs.update({"id": encoded_text(item.id), "height": item.height, "width": item.width})
        return group


def _add(group: h5py.Group, name: str, array: np.ndarray) -> None:
    # checksums are of chunks, and the only one here is the array
    checked = {"chunks": array.shape, "fletcher32": True} if array.size else {}
    group.create_dataset(name, data=array, **checked)


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
        with h5py.File(disk, "w", track_order=True, libver=FILE_FORMAT) as file:
            texts = {"format": kind, "grid": GRID, "weights_hash": weights_hash}
            texts |= {"config": json.dumps(config, sort_keys=True), "classes": list(classes)}
            file.attrs.update({"version": VERSION, "stride": stride})
            file.attrs.update({name: encoded_text(text) for name, text in texts.items()})
            if kind == CAMS:
                file.attrs["dilations"] = list(dilations)
            yield Writer(file, disk)
        disk.check()


def link_shards(shards: Sequence[Path], path: Path, *, kind: str) -> None:
    """Write a file by which the images of all `shards`, in their order, open as if they were in it.

    It has the first shard's attributes and a link per image into the shard, which must lie beside it: HDF5 then raises
    an error for an image of a missing or damaged shard, where a virtual dataset would read zeros.

    Raises:
        InputError: a shard is damaged, not of this kind (`CAMS` or `SCORES`), or has an image of an earlier one.
    """
    with written_whole(path) as temporary, _Disk(temporary, "w+") as disk:
        with h5py.File(disk, "w", track_order=True, libver=FILE_FORMAT) as file:
            for shard in shards:
                _link(file, shard, kind)
        disk.check()


def _link(file: h5py.File, shard: Path, kind: str) -> None:
    with _opened(shard, kind) as source:
        if not file.attrs:
            file.attrs.update(source.file.attrs)
        for name in _names(source):
            if file.get(name, getlink=True) is not None:
                raise InputError(f"{shard}: image {name!r} is in an earlier shard too; remove both, run again")
            file[name] = h5py.ExternalLink(shard.name, name)


@dataclass(frozen=True)
class _Opened:
    """A file whose attributes are known to be right."""

    path: Path
    kind: str
    file: h5py.File
    attributes: dict[str, Any]

    def damaged(self, what: str) -> InputError:
        return InputError(f"{self.path}: {what}; {_made_again(self.kind)}")

    def array(self, group: h5py.Group, name: str, *, kinds: str, shape: tuple[int | None, ...]) -> np.ndarray:
        return checked_array(group, name, kinds=kinds, shape=shape, with_checksum=self.attributes["version"] == VERSION)


@contextmanager
def _opened(path: Path, kind: str) -> Iterator[_Opened]:
    if not path.is_file():
        raise InputError(
            f"{path}: there is no such file; run the same with the target {TARGETS[kind]} (rule {MADE_BY[kind]})"
        )
    try:
        file = h5py.File(path, "r")
    except Exception as error:  # what HDF5 raises for a damaged file depends on which byte is damaged
        raise InputError(f"{path}: not a readable HDF5 file ({error}); {_made_again(kind)}") from error
    with file:
        try:
            opened = _Opened(path, kind, file, plain_attributes(file))
            problem = attributes_problem(
                opened.attributes, kind=kind, versions=(VERSION, WITHOUT_CHECKSUMS), in_pixels=IN_PIXELS[kind]
            )
        except Exception as error:
            raise InputError(f"{path}: its attributes are damaged ({error}); {_made_again(kind)}") from error
        if problem:
            raise opened.damaged(problem)
        yield opened


def _made_again(kind: str) -> str:
    return (
        f"remove it and run the same with the target {TARGETS[kind]} (rule {MADE_BY[kind]}); replace a file of your own"
    )


def attributes(path: Path, *, kind: str) -> dict[str, Any]:
    """Return the file's attributes as plain values and lists.

    Raises:
        InputError: it is not a readable file of this kind and version, or an attribute is missing or damaged.
    """
    with _opened(path, kind) as opened:
        return opened.attributes


def ids_in(path: Path, *, kind: str) -> list[str]:
    """Return the ids of the images in the file, in its order; raises as `read_cams`."""
    with _opened(path, kind) as opened:
        return [_image_id(name) for name in _names(opened)]


def read_cams(path: Path, ids: Sequence[str] | None = None) -> Iterator[Cams]:
    """Yield the maps of `ids`, or of all images in the order of the file.

    Raises:
        InputError: the file is damaged, of another kind or version, or lacks an id; an array is of another shape than
            the attributes say, has values that are not finite or classes that are not in the file.
    """
    yield from _items(path, CAMS, ids, _cams)


def read_scores(path: Path, ids: Sequence[str] | None = None) -> Iterator[Scores]:
    """Yield the scores of `ids`, or of all images in the order of the file; raises as `read_cams`."""
    yield from _items(path, SCORES, ids, _scores)


def _items(path: Path, kind: str, ids: Sequence[str] | None, read: Callable[[_Opened, str], T]) -> Iterator[T]:
    with _opened(path, kind) as opened:
        for name in _names(opened) if ids is None else map(group_name, ids):
            try:
                item = read(opened, name) if name in opened.file else None
            except UnreadableShardError as error:
                shard, image_id = path.with_name(error.shard), _image_id(name)
                raise InputError(
                    f"{shard}: the shard with image {image_id!r} cannot be read ({error}); {_made_again(opened.kind)}"
                ) from error
            except Exception as error:  # HDF5's, or `ValueError` with what we found
                raise opened.damaged(f"image {_image_id(name)!r} is damaged ({error})") from error
            if item is None:
                raise InputError(f"{path}: no image {_image_id(name)!r} in this file")
            yield item


def _names(opened: _Opened) -> list[str]:
    try:
        return list(opened.file)
    except Exception as error:
        raise opened.damaged(f"the list of its images is damaged ({error})") from error


def _cams(opened: _Opened, name: str) -> Cams:
    group, height, width, grid = _group(opened, name)
    blocks, classes = len(opened.attributes["dilations"]), len(opened.attributes["classes"])
    class_ids = opened.array(group, "class_ids", kinds="ui", shape=(None,))
    if class_ids.tolist() != sorted(set(class_ids.tolist()) & set(range(1, classes + 1))):
        raise ValueError(f"class_ids are {class_ids.tolist()}, they must be some of 1 to {classes} in rising order")
    return Cams(
        id=_image_id(name),
        maps=opened.array(group, "maps", kinds="f", shape=(blocks, len(class_ids), *grid)),
        class_ids=class_ids,
        logits=opened.array(group, "logits", kinds="f", shape=(blocks, classes)),
        height=height,
        width=width,
    )


def _scores(opened: _Opened, name: str) -> Scores:
    group, height, width, grid = _group(opened, name)
    scores = opened.array(group, "scores", kinds="f", shape=(len(opened.attributes["classes"]), *grid))
    return Scores(id=_image_id(name), scores=scores, height=height, width=width)


def _group(opened: _Opened, name: str) -> tuple[h5py.Group, int, int, list[int]]:
    """Return the group of an image, its photo's height and width, and how many features these have a side."""
    group = own_member(opened.file, name, h5py.Group, or_shard=True)
    image_id = plain(group.attrs["id"])
    if image_id != _image_id(name):
        raise ValueError(f"its id is {image_id!r}")
    sides = [group.attrs[side] for side in ("height", "width")]
    if not all(isinstance(side, np.integer) and 0 < side <= LONGEST_SIDE_PX for side in sides):
        raise ValueError(f"its height and width are {sides[0]} and {sides[1]}")
    stride = opened.attributes["stride"]
    return group, *map(int, sides), [(padded_side(int(side), stride) - 1) // stride + 1 for side in sides]
