"""The grid of both networks: feature (i, j) sits on pixel (stride * i, stride * j) of the image.

Every pooling layer is 3x3 with padding 1 and maps n samples to ceil(n / 2), keeping the even ones, so an image whose
sides are `stride * k + 1` has k + 1 features a side, the first on its first pixel and the last on its last one.
"""

import numpy as np


def padded_side(pixels: int, stride: int) -> int:
    """Return the smallest `stride * k + 1` that is at least `pixels`."""
    return -(-(pixels - 1) // stride) * stride + 1


def _interpolation(features: int, pixels: int, stride: int) -> np.ndarray:
    """Return the float32 (pixels, features) matrix of linear interpolation between features `stride` pixels apart."""
    if pixels > (features - 1) * stride + 1:
        raise ValueError(f"{features} features at stride {stride} do not reach over {pixels} pixels")
    position = np.arange(pixels) / stride
    left = np.minimum(position.astype(int), max(features - 2, 0))
    share = (position - left).astype(np.float32)
    matrix = np.zeros((pixels, features), np.float32)
    rows = np.arange(pixels)
    matrix[rows, left] = 1 - share
    if features > 1:
        matrix[rows, left + 1] = share
    return matrix


def upsample(maps: np.ndarray, *, stride: int, height: int, width: int) -> np.ndarray:
    """Return `maps` at image size, by bilinear interpolation between the pixels on which the features sit.

    The same as `align_corners=True` interpolation to the padded size followed by cropping.

    Args:
        maps: (..., h, w), any float dtype, on the network's grid.
        stride: pixels between neighbouring features.
        height, width: of the image; at most `stride * (h - 1) + 1` and `stride * (w - 1) + 1`.

    Returns:
        float32 (..., height, width).

    Raises:
        ValueError: the grid does not reach over the image.
    """
    rows = _interpolation(maps.shape[-2], height, stride)
    columns = _interpolation(maps.shape[-1], width, stride)
    return rows @ maps.astype(np.float32) @ columns.T
