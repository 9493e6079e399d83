"""Reading and writing plain photos: 8-bit RGB files."""

from pathlib import Path

import cv2
import numpy as np

from mdc.runtime.errors import InputError
from mdc.runtime.files import write_whole

JPEG_QUALITY = 95


def read_image(path: Path) -> np.ndarray:
    """Return a plain photo: uint8 RGB (H, W, 3).

    For files of which `is_plain` is true and for plain copies; no rotation flag is applied.
    Raises `InputError` when the file is missing or does not decode.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION) if Path(path).is_file() else None
    if image is None:
        raise InputError(f"{path}: is missing or does not decode: restore it or run the data stage again")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def write_plain(path: Path, image: np.ndarray) -> None:
    """Write `image`, uint8 RGB (H, W, 3), as a JPEG of quality 95 without colour subsampling, whole or not at all."""
    write_whole(path, _as_jpeg(image).tobytes())


def as_plain_copy(image: np.ndarray) -> np.ndarray:
    """Return an image, uint8 RGB (H, W, 3), as `read_image` reads it once `write_plain` has written it."""
    return cv2.cvtColor(cv2.imdecode(_as_jpeg(image), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def _as_jpeg(image: np.ndarray) -> np.ndarray:
    settings = [
        *(cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY),
        *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
    ]
    return cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), settings)[1]
