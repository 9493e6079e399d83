"""HDF5 files with arrays per image; the only module that opens them. A `Layout` describes each kind of file.

One group per image, named by its id with `%` and `/` written as `%25` and `%2F`; the plain id is its attribute `id`,
beside `height` and `width` of the photo. Attributes of a file: `format`, `version`, `stride` and `offset` (where
features sit, see `mdc.networks.grid`), `classes`, `weights_hash`, `config` (JSON), and what the layout adds.

Version 2 notices every damaged byte: arrays have HDF5's checksum (fletcher32), and everything else lies in structures
which have one in the file format of HDF5 1.10. Texts of variable length do not, so they are UTF-8 bytes of fixed
length. Version 1 has no checksums; it is what other methods' files come in, and is read with the checks that are
possible without.
"""

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mdc.runtime.errors import InputError
from mdc.runtime.files import written_whole
from mdc.storage.hdf5_checks import (
    FACTORS,
    GRID,
    UnreadableShardError,
    attributes_problem,
    checked_array,
    encoded_text,
    factors,
    own_member,
    plain,
    plain_attributes,
)

VERSION = 2
WITHOUT_CHECKSUMS = 1  # the version that is read as well
FILE_FORMAT = ("v110", "v110")  # of HDF5; the first with checksums of all its structures
LONGEST_SIDE_PX = 1 << 20


@dataclass(frozen=True)
class Array:
    """One array of every image.

    Attributes:
        dtype: of the stored array.
        kinds: of dtypes that a file may have instead, as numpy abbreviates them.
        shape: of an image, given the file's attributes and the photo's height and width; None for any length.
        is_scaled: whether maps, its last two axes, that float16 has no precision for are stored divided by a factor.
    """

    dtype: type
    kinds: str
    shape: Callable[[Mapping[str, Any], int, int], tuple[int | None, ...]]
    is_scaled: bool = False


@dataclass(frozen=True)
class Layout:
    """What files of one kind hold.

    Attributes:
        format: the attribute `format`.
        arrays: of every image, by name.
        target: the target of the workflow that makes such files, and `rules`, the rules that write them.
        in_pixels: further attributes that are whole numbers of pixels, or lists of them.
        check: raises ValueError if the arrays of an image do not fit each other; given attributes and arrays.
    """

    format: str
    arrays: Mapping[str, Array]
    target: str
    rules: str
    in_pixels: tuple[str, ...] = ()
    check: Callable[[Mapping[str, Any], Mapping[str, np.ndarray]], None] = field(
        default=lambda attributes, arrays: None
    )


@dataclass(frozen=True)
class Item:
    """The arrays of one image, and its photo's height and width in pixels."""

    id: str
    height: int
    width: int
    arrays: Mapping[str, np.ndarray]


def group_name(image_id: str) -> str:
    """Return the name of an image's group; ids may hold slashes, which HDF5 takes for nesting."""
    return image_id.replace("%", "%25").replace("/", "%2F")


def _image_id(name: str) -> str:
    return name.replace("%2F", "/").replace("%25", "%")


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
        """Raise the disk's first refusal so far."""
        if self.refusal:
            raise self.refusal


class Writer:
    """Adds images to a new file; use it through `create`."""

    def __init__(self, file: h5py.File, disk: _Disk, layout: Layout) -> None:
        self.file, self.disk, self.layout = file, disk, layout

    def add(self, item: Item) -> None:
        """Add the arrays of one image, rounded to the dtypes of the layout.

        Raises:
            InputError: a value is not finite, or beyond the range of float16.
            OSError: the disk refuses; `create` makes a sentence of it.
        """
        self.disk.check()  # what is refused on closing the file is found by `create`
        group = self.file.create_group(group_name(item.id), track_order=True)
        group.attrs.update({"id": encoded_text(item.id), "height": item.height, "width": item.width})
        for name, array in self.layout.arrays.items():
            values, scale = item.arrays[name], factors(item.arrays[name]) if array.is_scaled else None
            if scale is not None:
                values = values / scale[..., None, None]
            _add(group, name, _rounded(values, array.dtype, item.id), scale)


def _rounded(values: np.ndarray, dtype: type, image_id: str) -> np.ndarray:
    rounded = values.astype(dtype)
    if dtype == np.float16 and not np.isfinite(rounded).all():
        raise InputError(
            f"image {image_id}: a value is not finite or beyond 65504, the range of float16; where it comes from a "
            "network, its training has diverged: lower the learning rate"
        )
    return rounded


def _add(group: h5py.Group, name: str, array: np.ndarray, scale: np.ndarray | None) -> None:
    # checksums are of chunks, and the only one here is the array
    checked = {"chunks": array.shape, "fletcher32": True} if array.size else {}
    dataset = group.create_dataset(name, data=array, **checked)
    if scale is not None:
        dataset.attrs[FACTORS] = scale


@contextmanager
def create(
    path: Path,
    layout: Layout,
    *,
    stride: int,
    offset: float,
    classes: Sequence[str],
    weights_hash: str,
    config: Mapping[str, Any],
    **attributes: Any,
) -> Iterator[Writer]:
    """Give a `Writer` for a new file, with these and further attributes.

    The file appears under its name only when everything was written, so a file that exists is whole.
    Raises `InputError` where the disk is full or may not be written to.
    """
    with written_whole(path) as temporary, _Disk(temporary, "w+") as disk:
        with h5py.File(disk, "w", track_order=True, libver=FILE_FORMAT) as file:
            texts = {"format": layout.format, "grid": GRID, "weights_hash": weights_hash}
            texts |= {"config": json.dumps(config, sort_keys=True), "classes": list(classes)}
            file.attrs.update({"version": VERSION, "stride": stride, "offset": offset})
            file.attrs.update({name: encoded_text(text) for name, text in texts.items()})
            file.attrs.update(attributes)
            yield Writer(file, disk, layout)
        disk.check()


def link_shards(shards: Sequence[Path], path: Path, layout: Layout) -> None:
    """Write a file by which the images of all `shards`, in their order, open as if they were in it.

    It has the first shard's attributes and a link per image into the shard, which must lie beside it: HDF5 then raises
    an error for an image of a missing or damaged shard, where a virtual dataset would read zeros.

    Raises:
        InputError: a shard is damaged, of another layout, or has an image of an earlier one.
    """
    with written_whole(path) as temporary, _Disk(temporary, "w+") as disk:
        with h5py.File(disk, "w", track_order=True, libver=FILE_FORMAT) as file:
            for shard in shards:
                _link(file, shard, layout)
        disk.check()


def _link(file: h5py.File, shard: Path, layout: Layout) -> None:
    with _opened(shard, layout) as source:
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
    layout: Layout
    file: h5py.File
    attributes: dict[str, Any]

    def damaged(self, what: str) -> InputError:
        return InputError(f"{self.path}: {what}; {_made_again(self.layout)}")


@contextmanager
def _opened(path: Path, layout: Layout) -> Iterator[_Opened]:
    if not path.is_file():
        raise InputError(
            f"{path}: there is no such file; run the same command with the target {layout.target} (rule {layout.rules})"
        )
    try:
        file = h5py.File(path, "r")
    except Exception as error:  # what HDF5 raises for a damaged file depends on which byte is damaged
        raise InputError(f"{path}: not a readable HDF5 file ({error}); {_made_again(layout)}") from error
    with file:
        try:
            opened = _Opened(path, layout, file, {"offset": 0} | plain_attributes(file))
            problem = attributes_problem(
                opened.attributes,
                format=layout.format,
                versions=(VERSION, WITHOUT_CHECKSUMS),
                in_pixels=("stride", *layout.in_pixels),
            )
        except Exception as error:
            raise InputError(f"{path}: its attributes are damaged ({error}); {_made_again(layout)}") from error
        if problem:
            raise opened.damaged(problem)
        yield opened


def _made_again(layout: Layout) -> str:
    return (
        f"remove it and run the same command with the target {layout.target} (rule {layout.rules}); replace a file "
        f"of your own"
    )


def attributes(path: Path, layout: Layout) -> dict[str, Any]:
    """Return the file's attributes as plain values and lists.

    Raises:
        InputError: it is not a readable file of this layout and version, or an attribute is missing or damaged.
    """
    with _opened(path, layout) as opened:
        return opened.attributes


def ids_in(path: Path, layout: Layout) -> list[str]:
    """Return the ids of the images in the file, in its order; raises as `read`."""
    with _opened(path, layout) as opened:
        return [_image_id(name) for name in _names(opened)]


def read(path: Path, layout: Layout, ids: Sequence[str] | None = None) -> Iterator[Item]:
    """Yield the images `ids`, or all in the order of the file.

    Raises:
        InputError: the file is damaged, of another layout or version, or lacks an id; an array is of another shape than
            the attributes say, has values that are not finite, or does not fit the others.
    """
    with _opened(path, layout) as opened:
        for name in _names(opened) if ids is None else map(group_name, ids):
            try:
                item = _item(opened, name) if name in opened.file else None
            except UnreadableShardError as error:
                shard, image_id = path.with_name(error.shard), _image_id(name)
                raise InputError(
                    f"{shard}: the shard with image {image_id!r} cannot be read ({error}); {_made_again(layout)}"
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


def _item(opened: _Opened, name: str) -> Item:
    group = own_member(opened.file, name, h5py.Group, or_shard=True)
    image_id = plain(group.attrs["id"])
    if image_id != _image_id(name):
        raise ValueError(f"its id is {image_id!r}")
    height, width = (group.attrs[side] for side in ("height", "width"))
    if not all(isinstance(side, np.integer) and 0 < side <= LONGEST_SIDE_PX for side in (height, width)):
        raise ValueError(f"its height and width are {height} and {width}")
    arrays = {
        key: checked_array(
            group,
            key,
            kinds=array.kinds,
            shape=array.shape(opened.attributes, int(height), int(width)),
            with_checksum=opened.attributes["version"] == VERSION,
        )
        for key, array in opened.layout.arrays.items()
    }
    opened.layout.check(opened.attributes, arrays)
    return Item(id=image_id, height=int(height), width=int(width), arrays=arrays)
