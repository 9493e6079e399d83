"""Files of localization maps: their layout, and reading them.

Each image has `maps`, float16 (D, T, h, w), the raw class activation maps of the D blocks for the T classes tagged in
the image; `class_ids`, uint8 (T,), their mask indices; and `logits`, float32 (D, K), of each block for all classes.
Maps too small for float16 are divided by `factors`, float64 (D, T), an attribute of `maps`; `read_cams` restores them.
The file has the attribute `dilations` of the blocks besides those that `mdc.storage.hdf5` describes.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mdc.config.experiments import block_names
from mdc.networks.grid import Grid
from mdc.storage import hdf5
from mdc.storage.hdf5 import Array, Item, Layout


def _sides(attributes: Mapping[str, Any], height: int, width: int) -> tuple[int, int]:
    grid = Grid(attributes["stride"], attributes["offset"])
    return grid.features(height), grid.features(width)


def _check_classes(attributes: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    found, classes = arrays["class_ids"].tolist(), len(attributes["classes"])
    if found != sorted(set(found) & set(range(1, classes + 1))):
        raise ValueError(f"class_ids are {found}, they must be some of 1 to {classes} in rising order")
    if arrays["maps"].shape[1] != len(found):
        raise ValueError(f"maps are of {arrays['maps'].shape[1]} classes, class_ids of {len(found)}")


LAYOUT = Layout(
    format="mdc-cams",
    arrays={
        "class_ids": Array(np.uint8, "ui", lambda attributes, height, width: (None,)),
        "maps": Array(
            np.float16,
            "f",
            lambda attributes, height, width: (len(attributes["dilations"]), None, *_sides(attributes, height, width)),
            is_scaled=True,
        ),
        "logits": Array(
            np.float32, "f", lambda attributes, *_: (len(attributes["dilations"]), len(attributes["classes"]))
        ),
    },
    target="cams",
    rules="dump_cams or link_cams",
    in_pixels=("dilations",),
    check=_check_classes,
)


@dataclass(frozen=True)
class Cams:
    """Maps of one image, see the module: `maps` (D, T, h, w), `class_ids` (T,), `logits` (D, K)."""

    id: str
    maps: np.ndarray
    class_ids: np.ndarray
    logits: np.ndarray
    height: int
    width: int

    def item(self) -> Item:
        """Return the maps as they are stored."""
        arrays = {"maps": self.maps, "class_ids": self.class_ids, "logits": self.logits}
        return Item(id=self.id, height=self.height, width=self.width, arrays=arrays)


@dataclass(frozen=True)
class CamsInfo:
    """The attributes of a file that hold for all its images.

    Attributes:
        grid: where the maps' values sit on the photo.
        dilations, blocks: of the D blocks, and their names (`mdc.config.experiments.block_names`).
        classes: names of the K foreground classes.
    """

    grid: Grid
    dilations: list[int]
    classes: list[str]
    weights_hash: str

    @property
    def blocks(self) -> list[str]:
        """The names of the blocks: d1, d3, ..."""
        return block_names(self.dilations)


def create_cams(path: Path, info: CamsInfo, *, config: Mapping[str, Any]) -> AbstractContextManager[hdf5.Writer]:
    """Give a writer for a new file of maps; `config` says how they were made. See `mdc.storage.hdf5.create`."""
    return hdf5.create(
        path,
        LAYOUT,
        stride=info.grid.stride,
        offset=info.grid.offset,
        classes=info.classes,
        weights_hash=info.weights_hash,
        config=config,
        dilations=info.dilations,
    )


def cams_info(path: Path) -> CamsInfo:
    """Return the attributes of a file of maps; raises InputError if it is not such a file."""
    found = hdf5.attributes(path, LAYOUT)
    return CamsInfo(
        grid=Grid(found["stride"], found["offset"]),
        dilations=found["dilations"],
        classes=found["classes"],
        weights_hash=str(found.get("weights_hash", "")),
    )


def cams_ids(path: Path) -> list[str]:
    """Return the ids of the images in a file of maps, in its order; raises as `read_cams`."""
    return hdf5.ids_in(path, LAYOUT)


def read_cams(path: Path, ids: Sequence[str] | None = None) -> Iterator[Cams]:
    """Yield the maps of `ids`, or of all images in the order of the file.

    Raises:
        InputError: see `mdc.storage.hdf5.read`.
    """
    for item in hdf5.read(path, LAYOUT, ids):
        yield Cams(id=item.id, height=item.height, width=item.width, **item.arrays)
