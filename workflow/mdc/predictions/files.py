"""Files of class scores: `scores` of every image, float16 (C, h, w), logits; class 0 is the background."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mdc.networks.grid import Grid
from mdc.storage import hdf5
from mdc.storage.hdf5 import Array, Item, Layout


def _shape(attributes: Mapping[str, Any], height: int, width: int) -> tuple[int, int, int]:
    grid = Grid(attributes["stride"], attributes["offset"])
    return len(attributes["classes"]), grid.features(height), grid.features(width)


LAYOUT = Layout(
    format="mdc-scores",
    arrays={"scores": Array(np.float16, "f", _shape)},
    target="predictions",
    rules="predict_scores",
)


@dataclass(frozen=True)
class Scores:
    """Class scores of one image: logits (C, h, w), and its photo's height and width."""

    id: str
    scores: np.ndarray
    height: int
    width: int

    def at_image_size(self, grid: Grid) -> np.ndarray:
        """Return the scores at the size of the photo: float32 (C, height, width)."""
        return grid.upsample(self.scores, height=self.height, width=self.width)


def create_scores(
    path: Path, *, grid: Grid, classes: Sequence[str], weights_hash: str, config: Mapping[str, Any]
) -> AbstractContextManager[hdf5.Writer]:
    """Give a writer for a new file of scores of `classes`, background first; see `mdc.storage.hdf5.create`."""
    return hdf5.create(
        path,
        LAYOUT,
        stride=grid.stride,
        offset=grid.offset,
        classes=classes,
        weights_hash=weights_hash,
        config=config,
    )


def add_scores(writer: hdf5.Writer, scores: Scores) -> None:
    """Add the scores of one image, rounded to float16."""
    writer.add(Item(id=scores.id, height=scores.height, width=scores.width, arrays={"scores": scores.scores}))


def scores_grid(path: Path) -> Grid:
    """Return the grid of a file of scores; raises InputError if it is not such a file."""
    found = hdf5.attributes(path, LAYOUT)
    return Grid(found["stride"], found["offset"])


def scores_ids(path: Path) -> list[str]:
    """Return the ids of the images in a file of scores, in its order; raises as `read_scores`."""
    return hdf5.ids_in(path, LAYOUT)


def read_scores(path: Path, ids: Sequence[str] | None = None) -> Iterator[Scores]:
    """Yield the scores of `ids`, or of all images in the order of the file; raises as `mdc.storage.hdf5.read`."""
    for item in hdf5.read(path, LAYOUT, ids):
        yield Scores(id=item.id, height=item.height, width=item.width, scores=item.arrays["scores"])
