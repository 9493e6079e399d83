"""Saliency maps as files: 8-bit grey PNGs."""

from pathlib import Path

import numpy as np

from mdc.data.decoding import decode
from mdc.runtime.errors import InputError


def read_saliency(path: Path, *, size: tuple[int, int] | None = None) -> np.ndarray:
    """Return the saliency in an 8-bit grey PNG: float32 (H, W) in [0, 1].

    Args:
        size: (height, width) of its image, None if it may have any.

    Raises:
        InputError: the file is missing, does not decode, is damaged, is not 8-bit with a single channel or is of
            another size.
    """
    # Pillow: OpenCV reads zeros from a PNG that says it is animated and is not
    image = decode(path)
    if image.mode not in ("L", "1"):
        raise InputError(f"{path}: is a picture of mode {image.mode}, saliency is one channel of 8 bits (grey)")
    grey = np.asarray(image.convert("L"))
    if size is not None and grey.shape != tuple(size):
        raise InputError(
            f"{path}: is {grey.shape[1]} x {grey.shape[0]} pixels, its image {size[1]} x {size[0]}: make the map again"
        )
    return grey.astype(np.float32) / 255
