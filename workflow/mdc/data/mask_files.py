"""Reading and writing masks: palette PNGs in VOC's colours, and what other tools write."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from mdc.data.decoding import BITS_AT, upright
from mdc.data.integrity import damage
from mdc.data.label_colours import VOC_COLOURS, Colour, indices_of_colours, indices_of_rgb
from mdc.data.labels import BACKGROUND, PALETTE, VOID
from mdc.data.mask_sizes import size_problem
from mdc.runtime.errors import NO_ACCESS, InputError
from mdc.runtime.files import write_whole

_GREY_STEP = {1: 1, 2: 85, 4: 17, 8: 1}  # what Pillow multiplies grey values of so many bits by


def write_mask(path: Path, mask: np.ndarray) -> None:
    """Write `mask`, uint8 (H, W) class indices, as an 8-bit palette PNG in VOC's colours, whole or not at all."""
    if mask.dtype != np.uint8 or mask.ndim != 2:
        raise ValueError(f"a mask is uint8 (H, W), not {mask.dtype} {mask.shape}")
    image = Image.fromarray(mask)
    image.putpalette(PALETTE.tobytes())
    buffer = BytesIO()
    image.save(buffer, format="PNG")
    write_whole(path, buffer.getvalue())


@dataclass(frozen=True)
class LoadedMask:
    """A mask as it was found in a file.

    Attributes:
        mask: uint8 (H, W), 0 background, 255 void.
        is_indexed: whether the file stores these indices; else it is a picture in colours.
        by_colour: of a palette PNG, index -> the index of its colour in VOC's palette, of the indices in the mask;
            empty if one of the colours is not VOC's.
    """

    mask: np.ndarray
    is_indexed: bool
    by_colour: Mapping[int, int]

    @functools.cached_property
    def indices(self) -> frozenset[int]:
        """All indices in the mask."""
        return frozenset(np.flatnonzero(np.bincount(self.mask.ravel(), minlength=VOID + 1)).tolist())

    @property
    def shown(self) -> frozenset[int]:
        """The indices of the classes in the mask."""
        return self.indices - {BACKGROUND, VOID}


def read_mask(
    path: Path,
    *,
    classes: int = VOID - 1,
    size: tuple[int, int] | None = None,
    reduced: tuple[int, int] | None = None,
) -> np.ndarray:
    """Return the class indices of a mask: uint8 (H, W), 0 background, 255 void; see `load_mask`."""
    return load_mask(path, classes=classes, size=size, reduced=reduced).mask


def load_mask(
    path: Path,
    *,
    classes: int = VOID - 1,
    size: tuple[int, int] | None = None,
    reduced: tuple[int, int] | None = None,
    colours: Mapping[Colour, int] | None = None,
) -> LoadedMask:
    """Return the class indices of a palette, grey or colour PNG.

    In a palette or grey PNG indices are the stored values; the palette's colours and the bit depth do not matter. A
    colour PNG has the index in three equal channels, or VOC's colours. A rotation flag is applied.

    Args:
        classes: the largest index that a class can have.
        size: (height, width) of its photo, None if it may have any.
        reduced: that of the photo once reduced, if the mask may have this one as well.
        colours: colour -> index of a dataset with colours of its own, for palette and colour PNGs; None for VOC's.

    Raises:
        InputError: the file is missing, does not decode, is damaged, contains colours or an index of no class,
            or is of another size.
    """
    turned, data = _decoded(path)
    palette: dict[int, int] = {}
    is_indexed = turned.mode in ("P", "L", "1") and not (turned.mode == "P" and colours is not None)
    if is_indexed:
        step = _GREY_STEP[data[BITS_AT]] if turned.mode == "L" else 1
        mask = np.array(turned, dtype=np.uint8) // np.uint8(step)
        palette = _vocs_indices(turned, mask) if turned.mode == "P" else {}
    else:
        mask = _mask_of_colours(path, turned, classes=classes, colours=colours)
    problem = size_problem(mask.shape, size=size, reduced=reduced) if size else ""
    if problem:
        raise InputError(f"{path}: the mask is {problem}")
    if mask[mask != VOID].max(initial=BACKGROUND) > classes:
        strange = sorted(set(np.unique(mask).tolist()) - {*range(classes + 1), VOID})
        raise InputError(
            f"{path}: holds {', '.join(map(str, strange))}, which are not classes: use {BACKGROUND} for background, "
            f"1 to {classes} for the classes, {VOID} for void"
        )
    return LoadedMask(mask, is_indexed, palette)


def _decoded(path: Path) -> tuple[Image.Image, bytes]:
    """Return a PNG, turned as its rotation flag says, and its bytes."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            image.load()
            turned = upright(image)
        data = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: no such mask: restore it or, if the workflow made it, run its rule again with --forcerun "
            "(results/README.md)"
        ) from error
    except PermissionError as error:
        raise InputError(f"{path}: {NO_ACCESS}") from error
    except Exception as error:  # what Pillow raises for a damaged file depends on which byte is damaged
        raise InputError(f"{path}: does not decode as a PNG mask: save or copy it again ({error})") from error
    problem = damage(data) or ("its palette is empty" if turned.mode == "P" and not turned.getpalette() else "")
    if problem:
        raise InputError(f"{path}: is damaged, {problem}: save or copy the mask again")
    return turned, data


def _mask_of_colours(
    path: Path, image: Image.Image, *, classes: int, colours: Mapping[Colour, int] | None
) -> np.ndarray:
    advice = "save the mask as an 8-bit palette or grey PNG"
    if image.mode.startswith("I"):
        raise InputError(f"{path}: has 16 bits per pixel, not class indices: {advice}")
    if image.has_transparency_data and np.asarray(image.convert("RGBA"))[..., 3].min(initial=255) < 255:
        raise InputError(f"{path}: has transparent pixels, which belong to no class: {advice}")
    rgb = np.asarray(image.convert("RGB"))
    try:
        return indices_of_rgb(rgb, classes=classes) if colours is None else indices_of_colours(rgb, colours)
    except ValueError as error:
        raise InputError(f"{path}: is a colour picture, {error}: {advice} of class indices") from error


def _vocs_indices(image: Image.Image, mask: np.ndarray) -> dict[int, int]:
    palette = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3).tolist()
    indices = np.unique(mask).tolist()
    found = {index: VOC_COLOURS.get(tuple(palette[index])) for index in indices if index < len(palette)}
    return {} if len(found) < len(indices) or None in found.values() else found
