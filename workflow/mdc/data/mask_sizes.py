"""The two sizes of a mask: its photo's own, and that to which `data.max_side_px` reduces the photo for the networks."""

import cv2
import numpy as np

SIDES_SWAPPED = (
    "width and height are swapped, probably because the photo has a rotation flag: masks and maps must be those of the "
    "photo as a viewer shows it"
)


def enlarged(mask: np.ndarray, *, height: int, width: int) -> np.ndarray:
    """Return a mask uint8 (h, w) at another size: of every pixel the class whose interpolated share is the largest.

    Unlike the nearest pixel's class, this leaves no stairs in outlines. Of equal shares the lower index wins.
    """
    if mask.shape == (height, width):
        return mask
    best = np.zeros((height, width), np.float32)
    result = np.zeros((height, width), np.uint8)
    for index in np.unique(mask):
        share = cv2.resize((mask == index).astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        wins = share > best
        best[wins], result[wins] = share[wins], index
    return result


def nearest(mask: np.ndarray, *, height: int, width: int) -> np.ndarray:
    """Return a mask uint8 (h, w) at another size, each pixel the nearest index, 255 as any other."""
    if mask.shape == (height, width):
        return mask
    # Unlike INTER_NEAREST, the exact kind goes by pixel centres, as area resampling does: no shift against the photo.
    return cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)


def size_problem(found: tuple[int, int], *, size: tuple[int, int], reduced: tuple[int, int] | None = None) -> str:
    """Return what is wrong with the size of a mask or map, as the end of a sentence that says "is", or nothing.

    Args:
        found: its (height, width).
        size: of its photo.
        reduced: of the photo once reduced, if the mask may have this one as well.
    """
    allowed = {tuple(size), tuple(reduced or size)}
    if tuple(found) in allowed:
        return ""
    its_photo = f"{_told(found)}, its photo {_told(size)} pixels"
    if len(allowed) > 1:
        its_photo += f", reduced to {_told(reduced)}"
    if tuple(found)[::-1] in allowed:
        return f"{its_photo}: {SIDES_SWAPPED}"
    return f"{its_photo}: make it again at {'that size' if len(allowed) == 1 else 'one of these sizes'}"


def _told(size: tuple[int, int]) -> str:
    height, width = size
    return f"{width} x {height}"
