"""What maps respond to, on cases of a few pixels."""

import numpy as np
import pytest

from mdc.data.synthetic.scene import draw_scene
from mdc.study.map_statistics import DISTANCES_PX, contrast, region_counts, response_by_distance, seen_by

VOID = 255


def test_region_counts_by_hand():
    maps = np.array([[1.0, 0.5, 0.2, 0.8]])
    truth = np.array([[2, 2, 0, VOID]], np.uint8)
    # above 0: all three that count; above .3 of the maximum: the first two; above .6: the first
    assert region_counts(maps, truth, 2, [0.0, 0.3, 0.6]).tolist() == [[2, 3, 2], [2, 2, 2], [2, 1, 1]]
    # of another class there are no true pixels
    assert region_counts(maps, truth, 1, [0.3]).tolist() == [[0, 2, 0]]


def test_pixels_by_the_number_of_blocks_that_see_them():
    regions = np.array([[[1, 1, 1, 0, 1]], [[1, 0, 1, 0, 1]], [[1, 0, 1, 0, 0]]], bool)
    truth = np.array([[1, 1, 0, 0, VOID]], np.uint8)
    # true: one pixel in three regions, one in one; false: one in three; in none and void: neither
    assert seen_by(regions, truth, 1).tolist() == [[1, 0, 1], [0, 0, 1]]


def test_response_by_distance_from_the_outline_of_the_head():
    # four equal rows: the body up to column 9, a distractor at 12 and 13, then ground
    truth = np.array([[1] * 10 + [VOID] + [0] * 6] * 4, np.uint8)
    distractors = np.zeros((4, 17), bool)
    distractors[:, 12:14] = True
    maps = np.broadcast_to(np.arange(17.0) / 16, (1, 4, 17))
    head = (-1000.0, 1.5, 1000.0)  # so far and large that its outline is a line at column 0
    means = response_by_distance(
        maps, heads=[head], other_heads=np.zeros((4, 17), bool), truth=truth, class_id=1, distractors=distractors
    )
    assert means.shape == (1, 3, 24) and DISTANCES_PX[:4] == (0, 2, 4, 6)
    body, distractor, background = 16 * means[0]
    # the bin from 4 to 6 pixels holds columns 4 and 5
    assert body[2] == pytest.approx(4.5, abs=0.01) and body[4] == pytest.approx(8.5, abs=0.01)
    assert np.isnan(body[5:]).all() and np.isnan(background[:5]).all()
    assert background[5] == pytest.approx(11, abs=0.01)  # column 11 alone, four pixels
    assert distractor[6] == pytest.approx(12.5, abs=0.01) and np.isfinite(distractor).sum() == 1
    assert background[7] == pytest.approx(14.5, abs=0.01)


def test_contrast_compares_equal_distances():
    means = np.full((1, 3, 4), np.nan)
    means[0, 0] = [0.9, 0.6, 0.5, np.nan]  # body
    means[0, 2] = [np.nan, 0.4, 0.1, 0.0]  # background
    # two bins have both: .2 and .4; there is no distractor
    found = contrast(means)
    assert np.isnan(found[0, 0]) and found[0, 1] == pytest.approx(0.3)


def contrast_on_scenes(response) -> float:
    """Return the mean contrast to background, over objects, of maps that `response(distance, radius, body)` draws."""
    values = []
    for seed in range(40):
        scene = draw_scene(np.random.default_rng(seed), side_px=96, body_cue=0.5)
        rows, columns = np.indices(scene.mask.shape)
        on_heads = np.min([np.hypot(columns - h.x, rows - h.y) - h.radius for h in scene.heads], axis=0) <= 0
        for label in {head.label for head in scene.heads}:
            heads = [(head.x, head.y, head.radius) for head in scene.heads if head.label == label]
            distance = np.min([np.hypot(columns - x, rows - y) - radius for x, y, radius in heads], axis=0)
            maps = response(np.maximum(distance, 0), heads[0][2], scene.mask == label)
            means = response_by_distance(
                maps[None],
                heads=heads,
                other_heads=on_heads,
                truth=scene.mask,
                class_id=label,
                distractors=scene.distractors,
            )
            values.append(contrast(means)[0, 1])
    return float(np.nanmean(values))


@pytest.mark.parametrize("reach", [lambda radius: 20.0, lambda radius: 4 * radius])
def test_a_circle_around_the_head_has_no_contrast_however_its_size_goes_with_the_object(reach):
    circle = contrast_on_scenes(lambda distance, radius, body: np.exp(-distance / reach(radius)))
    assert abs(circle) < 0.01


def test_a_map_that_follows_the_body_has_contrast():
    followed = contrast_on_scenes(lambda distance, radius, body: np.exp(-distance / 20) * (0.4 + 0.3 * body))
    assert 0.1 < followed < 0.25
