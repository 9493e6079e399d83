"""Bringing masks from one size to another."""

import numpy as np

from mdc.data.mask_sizes import enlarged


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
