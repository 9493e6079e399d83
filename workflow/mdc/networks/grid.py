"""Where the features of a network sit on the pixels of its image."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Grid:
    """Feature (i, j) sits on pixel (offset + stride * i, offset + stride * j).

    Of a VGG whose pooling layers are 3x3 with padding 1, the offset is 0: an image whose sides are `stride * k + 1` has
    k + 1 features a side, the first on its first pixel and the last on its last one. Of patches that do not overlap,
    features sit in their middles: the offset is `(stride - 1) / 2`.
    """

    stride: int
    offset: float = 0

    def padded_side(self, pixels: int) -> int:
        """Return the smallest side of at least `pixels` whose features lie as far from one border as from the other."""
        return self.stride * (self.features(pixels) - 1) + 1 + round(2 * self.offset)

    def features(self, pixels: int) -> int:
        """Return the number of features a side of an image of `pixels`, padded to `padded_side`."""
        return max(-(-(pixels - 1 - round(2 * self.offset)) // self.stride) + 1, 1)

    def features_on(self, pixels: int) -> int:
        """Return the number of features a side that sit on the first `pixels`, and not on padding; at least 1."""
        return max(int((pixels - 1 - self.offset) // self.stride) + 1, 1)

    def upsample(self, maps: np.ndarray, *, height: int, width: int) -> np.ndarray:
        """Return `maps` at image size, by bilinear interpolation between the pixels on which the features sit.

        With offset 0 the same as `align_corners=True` interpolation to the padded size followed by cropping. Beyond the
        outermost features, which a positive offset leaves room for, their values are repeated.

        Args:
            maps: (..., h, w), any float dtype.
            height, width: of the image, no larger than the grid reaches.

        Returns:
            float32 (..., height, width).

        Raises:
            ValueError: the grid does not reach over the image.
        """
        rows = self._interpolation(maps.shape[-2], height)
        columns = self._interpolation(maps.shape[-1], width)
        return rows @ maps.astype(np.float32) @ columns.T

    def _interpolation(self, features: int, pixels: int) -> np.ndarray:
        """Return the float32 (pixels, features) matrix of linear interpolation between features."""
        if pixels > self.stride * (features - 1) + 1 + 2 * self.offset:
            raise ValueError(f"{features} features at stride {self.stride} do not reach over {pixels} pixels")
        position = np.clip((np.arange(pixels) - self.offset) / self.stride, 0, features - 1)
        left = np.minimum(position.astype(int), max(features - 2, 0))
        share = (position - left).astype(np.float32)
        matrix = np.zeros((pixels, features), np.float32)
        rows = np.arange(pixels)
        matrix[rows, left] = 1 - share
        if features > 1:
            matrix[rows, left + 1] = share
        return matrix
