"""What maps respond to, on cases of a few pixels."""

import numpy as np
import pytest

from mdc.evidence import DISTANCES_PX, region_counts, response_by_distance, seen_by

VOID = 255


def test_region_counts_by_hand():
    maps = np.array([[1.0, 0.5, 0.2, 0.8]])
    truth = np.array([[2, 2, 0, VOID]], np.uint8)
    # above 0: all three that count; above .3 of the maximum: the first two; above .6: the first
    assert region_counts(maps, truth, 2, [0.0, 0.3, 0.6]).tolist() == [[2, 3, 2], [2, 2, 2], [2, 1, 1]]
    # of another class there are no true pixels
    assert region_counts(maps, truth, 1, [0.3]).tolist() == [[0, 2, 0]]


def test_thresholds_are_shares_of_the_maximum():
    maps, truth = np.array([[0.25, 0.1]]), np.array([[1, 1]], np.uint8)
    assert region_counts(maps, truth, 1, [0.3, 0.5]).tolist() == [[2, 2, 2], [2, 1, 1]]


def test_pixels_by_the_number_of_blocks_that_see_them():
    regions = np.array([[[1, 1, 1, 0, 1]], [[1, 0, 1, 0, 1]], [[1, 0, 1, 0, 0]]], bool)
    truth = np.array([[1, 1, 0, 0, VOID]], np.uint8)
    # true: one pixel in three regions, one in one; false: one in three; in none and void: neither
    assert seen_by(regions, truth, 1).tolist() == [[1, 0, 1], [0, 0, 1]]


def test_response_by_distance_from_the_outline_of_the_head():
    # one row: the head's middle at column 2, radius 2; the body up to column 9, a distractor at 12 and 13, then ground
    truth = np.array([[1] * 10 + [VOID] + [0] * 6], np.uint8)
    distractors = np.zeros((1, 17), bool)
    distractors[0, 12:14] = True
    on_head = np.zeros((1, 17), bool)
    on_head[0, :5] = True
    maps = np.arange(17.0)[None, None] / 16
    sums, pixels = response_by_distance(
        maps, heads=[(2, 0, 2)], other_heads=on_head, truth=truth, class_id=1, distractors=distractors
    )
    assert DISTANCES_PX[:5] == (0, 4, 8, 12, 16)
    # columns 5 to 7 are 1 to 3 pixels from the outline, 8 and 9 are 4 and 5; 12 and 13: 8 and 9; 11: 7; 14 and 15: 10
    # and 11; 16: 12
    assert pixels[:, :4].tolist() == [[3, 2, 0, 0], [0, 0, 2, 0], [0, 1, 2, 1]]
    assert (16 * sums[0, :, :4]).tolist() == [[18, 17, 0, 0], [0, 0, 25, 0], [0, 11, 29, 16]]


def test_the_nearest_of_several_heads_counts():
    truth = np.zeros((1, 30), np.uint8)
    none = np.zeros((1, 30), bool)
    given = {"other_heads": none, "truth": truth, "class_id": 1, "distractors": none}
    sums, pixels = response_by_distance(np.ones((1, 1, 30)), heads=[(0, 0, 1), (29, 0, 1)], **given)
    # column 14 is 13 from the first outline, column 15 is 13 from the second; columns 0 and 29 lie inside the heads
    assert pixels[2, :4].tolist() == [8, 8, 8, 4]
    assert sums[0, 2].sum() == pytest.approx(28)
