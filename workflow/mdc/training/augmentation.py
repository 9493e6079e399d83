"""Random resizing, flipping and cropping of a photo and its mask together; OpenCV and NumPy on uint8 arrays."""

from collections.abc import Sequence

import cv2
import numpy as np

from mdc.data.labels import VOID


def resized_long_side(image: np.ndarray, long_side_px: int) -> np.ndarray:
    """Return the photo uint8 (H, W, 3) scaled so that its long side is `long_side_px`."""
    scale = long_side_px / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def augmented(
    image: np.ndarray,
    mask: np.ndarray | None,
    *,
    rng: np.random.Generator,
    crop_px: int,
    resize_long_side_px: Sequence[int],
    flip: bool,
    fill: tuple[int, int, int],
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Return a random square view of a photo, of its mask, and where that view shows no photo.

    The long side is resized to a random length first, then the photo is flipped with probability 1/2 and cropped at a
    random place. A side shorter than the crop is padded right and bottom. The mask takes the nearest pixel's class.

    Args:
        image: uint8 (H, W, 3), RGB.
        mask: uint8 (H, W) of class indices, or None.
        rng: the only source of randomness.
        crop_px: side of the view.
        resize_long_side_px: lowest and highest length of the long side; empty to keep the size.
        flip: whether to flip the photo with probability 1/2.
        fill: colour of the padding.

    Returns:
        image uint8 (crop, crop, 3); mask uint8 (crop, crop), 255 on padding, or None; padding bool (crop, crop).
    """
    if resize_long_side_px:
        low, high = resize_long_side_px
        image = resized_long_side(image, int(rng.integers(low, high + 1)))
        if mask is not None:
            mask = cv2.resize(mask, image.shape[1::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    if flip and rng.random() < 0.5:
        image = image[:, ::-1]
        mask = None if mask is None else mask[:, ::-1]
    height, width = image.shape[:2]
    top = int(rng.integers(0, max(height - crop_px, 0) + 1))
    left = int(rng.integers(0, max(width - crop_px, 0) + 1))
    window = np.s_[top : top + crop_px, left : left + crop_px]
    seen = image[window].shape[:2]
    view = np.empty((crop_px, crop_px, 3), np.uint8)
    view[:] = fill
    view[: seen[0], : seen[1]] = image[window]
    padding = np.ones((crop_px, crop_px), bool)
    padding[: seen[0], : seen[1]] = False
    if mask is None:
        return view, None, padding
    labels = np.full((crop_px, crop_px), VOID, np.uint8)
    labels[: seen[0], : seen[1]] = mask[window]
    return view, labels, padding
