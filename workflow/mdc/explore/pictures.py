"""Pictures as the page gets them: photos as JPEG, labels and maps as PNGs whose pixels are exact values."""

import cv2
import numpy as np

from mdc.data.labels import BACKGROUND
from mdc.figures.pictures import coloured

STEPS = 65535  # of a map's 16 bits
JPEG_QUALITY = 92
THUMBNAIL_PX = 180  # of the longer side


def photo_jpeg(photo: np.ndarray) -> bytes:
    """Return a photo, uint8 (H, W, 3), as JPEG."""
    flags = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    return cv2.imencode(".jpg", cv2.cvtColor(photo, cv2.COLOR_RGB2BGR), flags)[1].tobytes()


def grey_png(values: np.ndarray) -> bytes:
    """Return labels or grey levels, uint8 (H, W), as an 8-bit grey PNG."""
    return cv2.imencode(".png", values, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


def map_png(values: np.ndarray, *, scale: float) -> bytes:
    """Return a map (H, W) in 0..`scale` as a PNG: 65535 * value / scale is 256 * red + green.

    Browsers keep 8 bits of a 16-bit PNG, so the two bytes of a value are in two colours.
    """
    steps = np.rint(np.clip(values / scale, 0, 1) * STEPS).astype(np.uint16)
    blue_green_red = np.stack([np.zeros_like(steps), steps & 255, steps >> 8], axis=-1).astype(np.uint8)
    return cv2.imencode(".png", blue_green_red, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


def photo_thumbnail(photo: np.ndarray) -> bytes:
    """Return a photo, uint8 (H, W, 3), as a small JPEG."""
    width, height = thumbnail_size(photo.shape[:2])
    return photo_jpeg(cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA))


def mask_thumbnail(mask: np.ndarray) -> bytes:
    """Return a mask, uint8 (H, W), as a small PNG in VOC's colours whose background is transparent."""
    small = cv2.resize(mask, thumbnail_size(mask.shape), interpolation=cv2.INTER_NEAREST_EXACT)
    opaque = np.where(small == BACKGROUND, 0, 255).astype(np.uint8)
    return cv2.imencode(".png", np.dstack([coloured(small)[..., ::-1], opaque]))[1].tobytes()


def thumbnail_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return (width, height) of the thumbnail of a picture of `size` (H, W), never larger than it."""
    height, width = size
    shrunk = min(1, THUMBNAIL_PX / max(height, width))
    return max(round(width * shrunk), 1), max(round(height * shrunk), 1)
