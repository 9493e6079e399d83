"""Saliency maps as files: 8-bit grey PNGs."""

from pathlib import Path

import cv2
import numpy as np

from mdc.data.decoding import decode
from mdc.data.mask_sizes import size_problem
from mdc.runtime.errors import InputError
from mdc.runtime.files import write_whole


def write_saliency_map(path: Path, saliency: np.ndarray) -> None:
    """Write a map (H, W) in 0..1 as an 8-bit grey PNG, 255 the most salient, whole or not at all."""
    grey = np.rint(255 * saliency).astype(np.uint8)
    write_whole(path, cv2.imencode(".png", grey)[1].tobytes())


def read_saliency(
    path: Path, *, size: tuple[int, int] | None = None, reduced: tuple[int, int] | None = None
) -> np.ndarray:
    """Return the saliency in an 8-bit grey PNG, or in a colour PNG with equal channels: float32 (H, W) in [0, 1].

    Args:
        size: (height, width) of its photo, None if it may have any.
        reduced: that of the photo once reduced, if the map may have this one as well.

    Raises:
        InputError: the file is missing, does not decode, is damaged, is not 8-bit grey or is of another size.
    """
    # Pillow: OpenCV reads zeros from a PNG that says it is animated and is not
    image = decode(path)
    if image.mode in ("RGB", "RGBA") and _is_grey(np.asarray(image)):
        image = image.getchannel("R")
    if image.mode not in ("L", "1"):
        raise InputError(f"{path}: is a picture of mode {image.mode}, saliency is one channel of 8 bits (grey)")
    grey = np.asarray(image.convert("L"))
    problem = size_problem(grey.shape, size=size, reduced=reduced) if size else ""
    if problem:
        raise InputError(f"{path}: the map is {problem}")
    return grey.astype(np.float32) / 255


def _is_grey(channels: np.ndarray) -> bool:
    """Return whether the channels of a picture, uint8 (H, W, 3 or 4), are equal and the fourth is opaque."""
    return bool((channels[..., :3] == channels[..., :1]).all() and (channels[..., 3:] == 255).all())
