"""Feature (i, j) sits on pixel (offset + stride * i, offset + stride * j), on the way back to image size as well."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from mdc.networks.grid import Grid


@pytest.mark.parametrize(
    ("grid", "pixels", "padded", "features"),
    [
        (Grid(8), 1, 1, 1),
        (Grid(8), 2, 9, 2),
        (Grid(8), 10, 17, 3),
        (Grid(8), 321, 321, 41),
        (Grid(8), 500, 505, 64),
        (Grid(4), 10, 13, 4),
        (Grid(5, 2), 1, 5, 1),  # patches of 5 pixels
        (Grid(5, 2), 6, 10, 2),
        (Grid(4, 1.5), 8, 8, 2),  # patches of 4 pixels, whose middles lie between pixels
        (Grid(4, 1.5), 9, 12, 3),
        (Grid(8, 2), 5, 5, 1),  # on pixel 2, with two pixels to both sides
        (Grid(8, 2), 6, 13, 2),  # on pixels 2 and 10 of 0 to 12
    ],
)
def test_features_lie_as_far_from_one_border_of_the_padded_image_as_from_the_other(grid, pixels, padded, features):
    assert grid.padded_side(pixels) == padded
    assert grid.features(pixels) == grid.features(padded) == features
    assert padded - 1 - (grid.offset + grid.stride * (features - 1)) == grid.offset


@pytest.mark.parametrize(
    ("grid", "pixels", "features"),
    [
        (Grid(8), 1, 1),
        (Grid(8), 8, 1),
        (Grid(8), 9, 2),  # pixels 0 and 8
        (Grid(5, 2), 12, 2),  # pixels 2 and 7; the third feature sits on pixel 12, which is the thirteenth
        (Grid(5, 2), 13, 3),
        (Grid(4, 1.5), 9, 2),  # 1.5 and 5.5; 9.5 lies beyond the last pixel, 8
        (Grid(4, 1.5), 11, 3),
        (Grid(5, 2), 1, 1),  # none: the one that there is
    ],
)
def test_features_on_the_photo_are_those_at_or_before_its_last_pixel(grid, pixels, features):
    assert grid.features_on(pixels) == features


@pytest.mark.parametrize("size", [(1, 1), (1, 20), (9, 9), (10, 17), (23, 40), (33, 48), (50, 64)])
@pytest.mark.parametrize("grid", [Grid(4), Grid(8), Grid(4, 1.5), Grid(5, 2)])
def test_upsampling_is_torchs_interpolation_to_the_padded_size_then_a_crop(size, grid):
    height, width = size
    padded = grid.padded_side(height), grid.padded_side(width)
    maps = np.random.default_rng(0).standard_normal((2, 3, grid.features(height), grid.features(width)))
    expected = functional.interpolate(
        torch.from_numpy(maps.astype(np.float32)), padded, mode="bilinear", align_corners=grid.offset == 0
    )
    found = grid.upsample(maps.astype(np.float32), height=height, width=width)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected[:, :, :height, :width].numpy(), atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(17, 17), (14, 16), (10, 12)])
def test_an_impulse_at_a_feature_comes_back_at_its_pixel(height, width):
    maps = np.zeros((3, 3), np.float16)
    maps[1, 1] = 1
    image = Grid(8).upsample(maps, height=height, width=width)
    assert np.unravel_index(image.argmax(), image.shape) == (8, 8)
    assert image[8, 8] == 1 and image[4, 8] == 0.5 and image[8, 10] == 0.75 and image[8, 0] == 0
    assert image[4, 4] == 0.25  # 0.5 along each axis


def test_upsampling_with_an_offset_by_hand():
    # features on the pixels 2, 7 and 12; beyond the outermost ones their values go on
    line = Grid(5, 2).upsample(np.array([[0.0, 5, 0]]), height=5, width=15)
    assert line[0].tolist() == pytest.approx([0, 0, 0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 0, 0, 0])
    assert (line == line[0]).all()
    # features between the pixels 1 and 2 and the pixels 5 and 6: 2 lies an eighth of the way from one to the other
    line = Grid(4, 1.5).upsample(np.array([[0.0, 8]]), height=1, width=7)
    assert line.tolist() == [pytest.approx([0, 0, 1, 3, 5, 7, 8])]
    # features on the pixels 3 and 11 of a grid that begins and ends three pixels beyond them
    line = Grid(8, 3).upsample(np.array([[0.0], [8]]), height=15, width=1)
    assert line[:, 0].tolist() == pytest.approx([0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 8])


@pytest.mark.parametrize(("grid", "reached"), [(Grid(8), 17), (Grid(5, 2), 15), (Grid(4, 1.5), 12)])
def test_a_grid_that_does_not_reach_over_the_image_is_refused(grid, reached):
    maps = np.zeros((3, 3))
    assert grid.upsample(maps, height=reached, width=reached).shape == (reached, reached)
    with pytest.raises(ValueError, match=f"3 features at stride {grid.stride} do not reach over {reached + 1} pixels"):
        grid.upsample(maps, height=reached, width=reached + 1)
