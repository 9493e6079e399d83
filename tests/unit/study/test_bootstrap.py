"""Mean IoU from pixel counts, average precision, and what the bootstrap makes of them."""

import numpy as np
import pytest
from torch import tensor
from torchmetrics.functional.classification import multilabel_average_precision

from mdc.study.bootstrap import average_precision, bootstrapped, interval, resampled

# Two images, background and two classes; truth, predicted, hits. Class 2 occurs in the second image only.
PIXELS = np.array([[[6, 5, 4], [4, 5, 3], [0, 0, 0]], [[2, 4, 2], [0, 0, 0], [8, 6, 6]]])
# The first image alone: 4 of 7 and 3 of 6; both: 6 of 11, 3 of 6 and 6 of 8; the second alone: 2 of 4 and 6 of 8.
EACH = [(4 / 7 + 1 / 2) / 2, (6 / 11 + 1 / 2 + 3 / 4) / 3, (1 / 2 + 3 / 4) / 2]


def test_a_bootstrap_sample_counts_an_image_as_often_as_it_was_drawn():
    found = bootstrapped(PIXELS, np.array([[2, 0], [1, 1], [0, 2]]))
    assert found.tolist() == pytest.approx(EACH)


def test_samples_have_as_many_images_and_depend_on_the_seed_alone():
    samples = resampled(7, draws=200, seed=3)
    assert samples.shape == (200, 7) and (samples.sum(1) == 7).all()
    assert (samples == resampled(7, draws=200, seed=3)).all()
    assert (samples != resampled(7, draws=200, seed=4)).any()
    assert samples.mean() == 1 and abs(samples[:, 0].mean() - 1) < 0.25


def test_an_interval_leaves_out_a_fortieth_at_each_end():
    assert interval(np.arange(401.0)) == pytest.approx((10, 390))
    assert interval(np.array([np.nan, *np.arange(401.0)])) == pytest.approx((10, 390))


def test_average_precision_by_hand():
    scores = np.array([[0.9, 0.1], [0.8, 0.4], [0.7, 0.3], [0.6, 0.2]])
    tags = np.array([[1, 0], [0, 0], [1, 0], [0, 0]])
    # class 0: images 1 and 3 of the ranking; class 1 has no image
    found = average_precision(scores, tags)
    assert found[0] == pytest.approx((1 + 2 / 3) / 2) and np.isnan(found[1])
    # the first image left out: the third is second of the ranking
    assert average_precision(scores, tags, np.array([0, 1, 1, 1]))[0] == pytest.approx(1 / 2)


def test_average_precision_is_torchmetrics():
    rng = np.random.default_rng(0)
    scores, tags = rng.random((40, 3)), rng.integers(2, size=(40, 3))
    expected = multilabel_average_precision(tensor(scores), tensor(tags), num_labels=3, average=None)
    assert average_precision(scores, tags).tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    # weights count as copies
    weights = rng.integers(3, size=40)
    copied = average_precision(np.repeat(scores, weights, 0), np.repeat(tags, weights, 0))
    expected = multilabel_average_precision(
        tensor(np.repeat(scores, weights, 0)), tensor(np.repeat(tags, weights, 0)), num_labels=3, average=None
    )
    assert copied.tolist() != expected.tolist()  # copies tie, and ties are taken row by row
    assert average_precision(scores, tags, weights).tolist() == pytest.approx(expected.tolist(), abs=1e-6)
