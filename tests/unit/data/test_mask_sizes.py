"""Bringing masks from one size to another."""

import numpy as np

from mdc.data.mask_sizes import enlarged, nearest


def test_enlarging_has_no_stairs():
    # Columns 0 and 1 of the diagonal at four times the size: interpolated shares, not blocks of four pixels.
    small = np.array([[1, 0], [0, 0]], np.uint8)
    # the share of class 1 is the product of 1, .875, .625, .375, .125, 0 along both sides
    sides = np.array([1, 1, 0.875, 0.625, 0.375, 0.125, 0, 0])
    np.testing.assert_array_equal(enlarged(small, height=8, width=8), np.outer(sides, sides) > 0.5)
    np.testing.assert_array_equal(enlarged(small, height=2, width=2), small)


def test_enlarging_keeps_class_indices():
    small = np.array([[200, 200, 7, 7]], np.uint8)
    assert enlarged(small, height=1, width=8).tolist() == [[200, 200, 200, 200, 7, 7, 7, 7]]


def test_the_nearest_pixel_is_that_of_the_same_place():
    mask = np.array([[1, 2], [255, 0]], np.uint8)
    assert nearest(mask, height=2, width=4).tolist() == [[1, 1, 2, 2], [255, 255, 0, 0]]
    assert nearest(np.array([[1, 1, 2, 2, 0, 0]], np.uint8), height=1, width=3).tolist() == [[1, 2, 0]]
