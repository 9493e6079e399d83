"""Fusion, thresholds, background and conflicts, on maps small enough to work out by hand."""

import numpy as np
import pytest

from mdc.masks.fusion import (
    Recipe,
    assign,
    background_region,
    fuse,
    fused_at_image_size,
    object_regions,
    pseudo_mask,
    rectified,
)
from mdc.masks.salient import salient_mask
from mdc.networks.grid import Grid

PAPER = Recipe(
    threshold=0.3,
    relative_to="max",
    background_saliency_below=0.06,
    background_below=0.1,
    background_conflict="ignore",
    class_conflict="ignore",
)
NAMES = ["d1", "d3", "d6", "d9"]
CLASS_IDS = np.array([3, 7], np.uint8)


def recipe(**changes) -> Recipe:
    return Recipe(**vars(PAPER) | changes)


def test_rectified_cuts_negative_values_and_divides_by_each_maps_own_maximum():
    maps = np.array([[[[-1, 2], [4, 1]], [[0.5, 0], [0, -3]]]], np.float16)
    expected = [[[[0, 0.5], [1, 0.25]], [[1, 0], [0, 0]]]]
    found = rectified(maps, rows=2, columns=2)
    assert found.dtype == np.float32 and found.tolist() == expected


def test_rectified_float16_near_its_end_does_not_overflow():
    assert rectified(np.array([[65504, 32752]], np.float16), rows=1, columns=2).tolist() == [[1, 0.5]]


def test_features_on_the_padding_do_not_set_the_maximum():
    # the third column and the second row sit on padding: 4 and 9 are cut to the photo's own maximum, 2
    maps = np.array([[1.0, 2.0, 4.0], [9.0, 0.0, 1.0]])
    assert rectified(maps, rows=1, columns=2).tolist() == [[0.5, 1, 1], [1, 0, 0.5]]


# One class, one row of two pixels, the four blocks d1, d3, d6, d9.
BLOCKS = np.array([[[[0.5, 1.0]]], [[[0.2, 0.6]]], [[[0.4, 0.0]]], [[[0.6, 0.3]]]], np.float32)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("fusion", [0.5 + (0.2 + 0.4 + 0.6) / 3, 1.0 + (0.6 + 0.0 + 0.3) / 3]),  # 0.9, 1.3
        ("mean", [(0.5 + 0.2 + 0.4 + 0.6) / 4, (1.0 + 0.6 + 0.3) / 4]),  # 0.425, 0.475
        ("d1", [0.5, 1.0]),
        ("d6", [0.4, 0.0]),
        ("d9", [0.6, 0.3]),
    ],
)
def test_fuse(setting, expected):
    found = fuse(BLOCKS, setting, NAMES)
    assert found.shape == (1, 1, 2)
    np.testing.assert_allclose(found[0, 0], expected, rtol=1e-6)


def test_threshold_is_a_share_of_each_maps_maximum_or_an_absolute_value():
    maps = np.array([[[0.3, 0.5, 1.0]], [[0.1, 0.16, 0.5]]])
    relative = object_regions(maps, threshold=0.3, relative_to="max")  # above 0.3, and above 0.15
    assert relative.tolist() == [[[False, True, True]], [[False, True, True]]]
    absolute = object_regions(maps, threshold=0.3, relative_to="absolute")
    assert absolute.tolist() == [[[False, True, True]], [[False, False, True]]]


@pytest.mark.parametrize("relative_to", ["max", "absolute"])
def test_a_flat_zero_map_has_no_object(relative_to):
    assert not object_regions(np.zeros((1, 2, 2)), threshold=0.0, relative_to=relative_to).any()


def test_background_is_where_saliency_is_below_its_threshold():
    saliency = np.array([[0.0, 0.059, 0.06, 1.0]])
    assert background_region(np.ones((1, 1, 4)), saliency, PAPER).tolist() == [[True, True, False, False]]


def test_background_without_saliency_is_where_every_map_is_low():
    # maxima 1 and 0.5: at most 0.1 and at most 0.05
    maps = np.array([[[0.1, 0.1, 0.2, 1.0]], [[0.05, 0.06, 0.0, 0.5]]])
    assert background_region(maps, None, PAPER).tolist() == [[True, False, False, False]]


# Every combination of the object regions of two classes and of the background, in columns:
#                   none   bg    a   a+bg   b   b+bg  a+b  a+b+bg
A_REGION = np.array([[0, 0, 1, 1, 0, 0, 1, 1]], bool)
B_REGION = np.array([[0, 0, 0, 0, 1, 1, 1, 1]], bool)
BACKGROUND_REGION = np.array([[0, 1, 0, 1, 0, 1, 0, 1]], bool)
MAPS = np.array([[[0, 0, 9, 9, 0, 0, 5, 9]], [[0, 0, 0, 0, 9, 9, 8, 1]]], float)  # b is higher in a+b, a in a+b+bg


@pytest.mark.parametrize(
    ("background_conflict", "class_conflict", "expected"),
    [
        ("ignore", "ignore", [255, 0, 3, 255, 7, 255, 255, 255]),  # the paper
        ("background", "ignore", [255, 0, 3, 0, 7, 0, 255, 0]),
        ("object", "ignore", [255, 0, 3, 3, 7, 7, 255, 255]),
        ("ignore", "highest", [255, 0, 3, 255, 7, 255, 7, 255]),
        ("background", "highest", [255, 0, 3, 0, 7, 0, 7, 0]),
        ("object", "highest", [255, 0, 3, 3, 7, 7, 7, 3]),
    ],
)
def test_conflicts(background_conflict, class_conflict, expected):
    mask = assign(
        np.stack([A_REGION, B_REGION]),
        MAPS,
        BACKGROUND_REGION,
        CLASS_IDS,
        background_conflict=background_conflict,
        class_conflict=class_conflict,
    )
    assert mask.dtype == np.uint8 and mask.tolist() == [expected]


def test_highest_compares_only_classes_whose_region_holds_the_pixel():
    # relative thresholds: 0.3 of 1 and 0.3 of 0.2; the first map is higher at pixel 0 but below its own threshold
    maps = np.array([[[0.25, 1.0]], [[0.2, 0.0]]])
    mask = pseudo_mask(maps, CLASS_IDS, np.ones((1, 2)), recipe(class_conflict="highest"))
    assert mask.tolist() == [[7, 3]]


def test_pseudo_mask_of_the_paper():
    # class 3 above 0.3, class 7 above 0.15 of its maximum 0.5; saliency below 0.06 at the first, third and fifth pixel
    maps = np.array([[[0.0, 1.0, 0.9, 0.2, 0.3]], [[0.0, 0.1, 0.0, 0.1, 0.5]]])
    saliency = np.array([[0.0, 1.0, 0.01, 0.5, 0.0]])
    assert pseudo_mask(maps, CLASS_IDS, saliency, PAPER).tolist() == [[0, 3, 255, 255, 255]]
    assert pseudo_mask(maps, CLASS_IDS, saliency, recipe(threshold=0.15)).tolist() == [[0, 255, 255, 255, 255]]


def test_an_image_without_tags_is_background_whatever_its_saliency():
    for saliency in (None, np.ones((2, 3))):
        maps = np.zeros((0, 2, 3), np.float32)
        assert pseudo_mask(maps, np.zeros(0, np.uint8), saliency, PAPER).tolist() == [[0, 0, 0], [0, 0, 0]]


def test_a_flat_zero_map_leaves_background_without_saliency_and_the_rest_unlabelled_with_it():
    flat, one = np.zeros((1, 1, 2)), np.array([5], np.uint8)
    assert pseudo_mask(flat, one, None, PAPER).tolist() == [[0, 0]]
    assert pseudo_mask(flat, one, np.array([[0.0, 1.0]]), PAPER).tolist() == [[0, 255]]


def test_fused_at_image_size_rectifies_fuses_and_upsamples():
    # two blocks of one class on two features, 8 pixels apart: (1, 0) and (0, 1) after rectifying
    raw = np.array([[[[4.0, -2.0]]], [[[-1.0, 0.5]]]], np.float16)
    found = fused_at_image_size(raw, setting="fusion", names=["d1", "d3"], grid=Grid(8), height=1, width=9)
    np.testing.assert_allclose(found, np.ones((1, 1, 9)))  # the two slopes add up to 1 everywhere
    single = fused_at_image_size(raw, setting="d3", names=["d1", "d3"], grid=Grid(8), height=1, width=9)
    np.testing.assert_allclose(single[0, 0], np.arange(9) / 8)


def test_salient_mask_gives_salient_pixels_the_class_with_the_highest_map():
    maps = np.array([[[0.9, 0.1, 0.9]], [[0.2, 0.3, 0.2]]])
    mask = salient_mask(maps, CLASS_IDS, np.array([[0.5, 0.7, 0.49]]), 0.5)
    assert mask.dtype == np.uint8 and mask.tolist() == [[3, 7, 0]]
