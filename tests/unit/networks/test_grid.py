"""Feature (i, j) sits on pixel (stride * i, stride * j), on the way back to image size as in the networks."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from mdc.networks.grid import padded_side, upsample


@pytest.mark.parametrize(
    ("pixels", "stride", "padded"),
    [(1, 8, 1), (2, 8, 9), (9, 8, 9), (10, 8, 17), (321, 8, 321), (322, 8, 329), (500, 8, 505), (10, 4, 13)],
)
def test_padded_side_is_the_next_multiple_of_the_stride_plus_1(pixels, stride, padded):
    assert padded_side(pixels, stride) == padded


@pytest.mark.parametrize("size", [(1, 1), (1, 20), (9, 9), (10, 17), (23, 40), (33, 48), (50, 64)])
@pytest.mark.parametrize("stride", [4, 8])
def test_is_align_corners_interpolation_to_the_padded_size_then_a_crop(size, stride):
    height, width = size
    padded = padded_side(height, stride), padded_side(width, stride)
    h, w = (padded[0] - 1) // stride + 1, (padded[1] - 1) // stride + 1
    maps = np.random.default_rng(0).standard_normal((2, 3, h, w)).astype(np.float32)
    expected = functional.interpolate(torch.from_numpy(maps), padded, mode="bilinear", align_corners=True)
    found = upsample(maps, stride=stride, height=height, width=width)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected[:, :, :height, :width].numpy(), atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(17, 17), (14, 16), (10, 12)])
def test_an_impulse_at_a_feature_comes_back_at_its_pixel(height, width):
    maps = np.zeros((3, 3), np.float16)
    maps[1, 1] = 1
    image = upsample(maps, stride=8, height=height, width=width)
    assert np.unravel_index(image.argmax(), image.shape) == (8, 8)
    assert image[8, 8] == 1 and image[4, 8] == 0.5 and image[8, 10] == 0.75 and image[8, 0] == 0
    assert image[4, 4] == 0.25  # 0.5 along each axis


def test_a_single_feature_is_constant_over_its_one_pixel():
    assert upsample(np.full((1, 1, 1), 3.0), stride=8, height=1, width=1).tolist() == [[[3.0]]]


def test_no_maps_give_no_maps():
    assert upsample(np.zeros((0, 3, 3)), stride=8, height=10, width=12).shape == (0, 10, 12)


def test_a_grid_that_does_not_reach_over_the_image_is_refused():
    with pytest.raises(ValueError, match="3 features at stride 8 do not reach over 18 pixels"):
        upsample(np.zeros((3, 3)), stride=8, height=17, width=18)
