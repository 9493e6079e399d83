"""Masks that are drawn in colours: the class of each colour."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mdc.data.labels import BACKGROUND, PALETTE, VOID
from mdc.data.names import nfc
from mdc.data.text_lists import read_lines
from mdc.runtime.errors import InputError

LABELMAP = "labelmap.txt"
Colour = tuple[int, int, int]
VOC_COLOURS: dict[Colour, int] = {tuple(colour): index for index, colour in enumerate(PALETTE.tolist())}
_GREYS_OF_VOC = {0, 64, 128, 192}  # what VOC's colours with three equal channels are made of


def read_labelmap(path: Path) -> dict[str, Colour]:
    """Return label -> (red, green, blue) of a labelmap.txt of CVAT or Datumaro, in the file's order.

    Its lines are `label:red,green,blue:parts:actions`; those that begin with # are comments.
    Raises `InputError` when the file is not UTF-8, a line is another one, or two labels have the same colour.
    """
    found: dict[str, Colour] = {}
    for line in read_lines(path):
        if line.startswith("#"):
            continue
        name, _, rest = line.partition(":")
        numbers = rest.split(":")[0].split(",")
        if not name or len(numbers) != 3 or not all(number.strip().isdecimal() for number in numbers):
            raise InputError(f"{path}: '{line}' is not label:red,green,blue: export it again")
        colour = tuple(int(number) for number in numbers)
        if colour in found.values():
            raise InputError(f"{path}: '{name}' has the colour of another label: give each label its own")
        found[nfc(name.strip())] = colour
    return found


def is_background(name: str) -> bool:
    """Return whether tools call what belongs to no class so: background, _background_, Background."""
    return name.strip("_ ").lower() == "background"


def dataset_colours(root: Path, classes: Sequence[str]) -> dict[Colour, int] | None:
    """Return colour -> mask index of the classes and the background in `root`/labelmap.txt; None without that file."""
    path = root / LABELMAP
    if not path.exists():
        return None
    labelmap = read_labelmap(path)
    index = {nfc(name): number for number, name in enumerate(classes, start=1)}
    found = {colour: index[name] for name, colour in labelmap.items() if name in index}
    return found | {colour: BACKGROUND for name, colour in labelmap.items() if is_background(name)}


def indices_of_colours(rgb: np.ndarray, colours: Mapping[Colour, int]) -> np.ndarray:
    """Return the mask, uint8 (H, W), of a picture uint8 (H, W, 3); raises ValueError naming colours without a class."""
    codes = rgb.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)
    found, inverse = np.unique(codes, return_inverse=True)
    as_colours = [(code >> 16, code >> 8 & 255, code & 255) for code in found.tolist()]
    strange = [colour for colour in as_colours if colour not in colours]
    if strange:
        raise ValueError(f"{len(strange)} of its {len(found)} colours belong to no class, the first is {strange[0]}")
    return np.array([colours[colour] for colour in as_colours], np.uint8)[inverse].reshape(rgb.shape[:2])


def indices_of_rgb(rgb: np.ndarray, *, classes: int) -> np.ndarray:
    """Return the mask, uint8 (H, W), of an RGB picture: of the index in three equal channels, or of VOC's colours.

    `rgb` is uint8 (H, W, 3). `classes` is the largest index that a class can have: it distinguishes grey 128 as an
    index from VOC's colour of index 7.
    Raises ValueError naming colours without a class.
    """
    grey = rgb[..., 0]
    if (rgb == grey[..., None]).all():
        levels = set(np.unique(grey).tolist()) - {VOID}
        if max(levels, default=BACKGROUND) <= classes or not levels <= _GREYS_OF_VOC:
            return grey
    return indices_of_colours(rgb, VOC_COLOURS)
