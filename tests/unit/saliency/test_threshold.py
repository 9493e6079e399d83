"""The saliency threshold of the salient masks."""

import json

import numpy as np
import pytest
from PIL import Image

from mdc.saliency.maps import read_saliency
from mdc.saliency.threshold import best_saliency_threshold, choose_saliency_threshold
from mdc.storage.image_tables import write_table

PHOTO = np.zeros((1, 4, 3), np.uint8)


def test_best_saliency_threshold_by_hand():
    histogram = np.zeros((2, 256), np.int64)
    histogram[0, [200, 100, 10]] = [6, 3, 1]  # pixels of objects
    histogram[1, [150, 50, 0]] = [2, 4, 84]  # pixels of the background
    # from 200: 6 / 10; from 150: 6 / 12; from 100: 9 / 12; from 50: 9 / 16; from 10: 10 / 16; from 0: 10 / 100
    threshold, iou = best_saliency_threshold(histogram)
    assert iou == pytest.approx(0.75)
    assert 50 < threshold * 255 <= 100  # all of these separate the same pixels


def test_every_threshold_keeps_the_level_it_was_chosen_at(tmp_path):
    Image.fromarray(np.arange(256, dtype=np.uint8)[None]).save(tmp_path / "s.png")
    saliency = read_saliency(tmp_path / "s.png")
    for level in range(256):
        histogram = np.zeros((2, 256), np.int64)
        histogram[0, level], histogram[1, :level] = 5, 1
        threshold, iou = best_saliency_threshold(histogram)
        assert iou == 1
        threshold = json.loads(json.dumps(threshold))  # as it travels to the baseline
        assert (saliency >= threshold)[0].sum() == 256 - level


def test_saliency_threshold_of_training_images(tmp_path, write_split):
    truth = np.array([[0, 1, 2, 255]], np.uint8)
    csv = write_split("train", {"a": (PHOTO, "", truth), "b": (PHOTO, "", None)})
    Image.fromarray(np.array([[100, 100, 200, 0]], np.uint8)).save(tmp_path / "a.png")
    write_table([("a", str(tmp_path / "a.png"), "0"), ("b", "none.png", "0")], tmp_path / "s.csv")
    chosen = choose_saliency_threshold(train_csv=csv, saliency_csv=tmp_path / "s.csv", processes=1)
    # from 200: 1 of 2; from 100: 2 of 3
    assert chosen["foreground_iou"] == pytest.approx(2 / 3)
    assert 0 <= chosen["threshold"] <= 100 / 255
    assert chosen["reason"] == "best on the true masks of 1 training images"


@pytest.mark.parametrize(
    ("truth", "why"),
    [
        (None, "no training image has a true mask"),
        (np.array([[0, 0, 255, 255]], np.uint8), "the true masks of 1 training images show no object"),
    ],
)
def test_without_true_objects_the_threshold_is_one_half_and_the_log_says_so(tmp_path, write_split, caplog, truth, why):
    csv = write_split("train", {"a": (PHOTO, "", truth)})
    Image.fromarray(np.array([[100, 100, 200, 0]], np.uint8)).save(tmp_path / "a.png")
    write_table([("a", str(tmp_path / "a.png"), "0")], tmp_path / "s.csv")
    chosen = choose_saliency_threshold(train_csv=csv, saliency_csv=tmp_path / "s.csv", processes=1)
    assert chosen == {"threshold": 0.5, "foreground_iou": None, "reason": f"default: {why}"}
    assert f"{why}: the saliency threshold of the baseline masks is 0.5, the default" in caplog.text
