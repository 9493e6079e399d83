"""Confusion matrices and the measures read off them, by hand, by a naive loop and against torchmetrics."""

import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassJaccardIndex

from mdc.data.metrics import class_iou, confusion, mean_iou, mean_iou_of, pixel_accuracy, pixel_counts, summary

TRUTH = np.array([[0, 0, 0, 1], [1, 1, 2, 255]], np.uint8)
GIVEN = np.array([[0, 0, 1, 1], [255, 0, 1, 2]], np.uint8)
TABLE = [[2, 1, 0, 0], [1, 1, 0, 1], [0, 1, 0, 0]]  # rows: true 0, 1, 2; columns: 0, 1, 2, unlabelled


def random_masks(seed: int, classes: int, *, void_in_prediction: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.array([*range(classes + 1), 255], np.uint8)
    truth = rng.choice(labels, (17, 23))
    return truth, rng.choice(labels if void_in_prediction else labels[:-1], (17, 23))


def test_confusion_by_hand():
    table = confusion(TRUTH, GIVEN, classes=2)
    assert table.dtype == np.int64 and table.tolist() == TABLE


@pytest.mark.parametrize(("classes", "block_px"), [(254, 1 << 20), (20, 100)])
def test_confusion_is_what_a_loop_counts(classes, block_px, monkeypatch):
    monkeypatch.setattr("mdc.data.metrics.BLOCK_PX", block_px)
    truth, given = random_masks(0, classes, void_in_prediction=True)
    expected = np.zeros((classes + 1, classes + 2), int)
    for row in range(truth.shape[0]):
        for column in range(truth.shape[1]):
            if truth[row, column] != 255:
                label = given[row, column]
                expected[truth[row, column], classes + 1 if label == 255 else label] += 1
    assert confusion(truth, given, classes=classes).tolist() == expected.tolist()


@pytest.mark.parametrize("seed", range(2))
def test_iou_accumulated_over_images_is_torchmetrics(seed):
    classes = 5
    theirs = MulticlassJaccardIndex(num_classes=classes + 1, ignore_index=255, average="none")
    table = np.zeros((classes + 1, classes + 2), np.int64)
    for image in range(3):
        truth, given = random_masks(10 * seed + image, classes, void_in_prediction=False)
        table += confusion(truth, given, classes=classes)
        theirs.update(torch.from_numpy(given.astype(int)), torch.from_numpy(truth.astype(int)))
    np.testing.assert_allclose(class_iou(table), theirs.compute().numpy(), rtol=1e-6)


def test_iou_by_hand_counts_unlabelled_pixels_as_misses():
    # 0: 2 hits, 3 true, 3 given; 1: 1 hit, 3 true (one of them unlabelled), 3 given; 2: no hit, 1 true
    np.testing.assert_allclose(class_iou(np.array(TABLE)), [2 / 4, 1 / 5, 0])
    assert mean_iou(np.array(TABLE)) == pytest.approx((0.5 + 0.2 + 0) / 3)


def test_a_class_absent_from_truth_and_prediction_is_left_out_and_one_only_predicted_counts_as_0():
    absent = np.array([[4, 0, 0, 0], [0, 0, 0, 0], [0, 0, 2, 0]])
    assert np.isnan(class_iou(absent)).tolist() == [False, True, False]
    assert mean_iou(absent) == 1
    invented = np.array([[3, 1, 0, 0], [0, 0, 0, 0], [0, 0, 2, 0]])
    assert class_iou(invented).tolist() == [0.75, 0, 1]


def test_of_several_images_at_once_and_over_the_true_classes_alone():
    # truth, predicted, hits: the first has 4 of 7 and a class that is merely predicted, the second 2 of 4 and 6 of 8
    pixels = np.array([[[6, 5, 4], [0, 1, 0]], [[2, 4, 2], [8, 6, 6]], [[0, 0, 0], [0, 0, 0]]])
    expected = [4 / 7 / 2, (1 / 2 + 3 / 4) / 2, np.nan]
    np.testing.assert_allclose(mean_iou_of(pixels, only_true=False), expected)
    np.testing.assert_allclose(mean_iou_of(pixels, only_true=True), [4 / 7, *expected[1:]])
    assert pixel_counts(np.array(TABLE)).tolist() == [[3, 3, 2], [3, 3, 1], [1, 0, 0]]


def test_summary_by_hand():
    assert summary(np.array(TABLE)) == {
        "miou": pytest.approx(0.7 / 3),
        "pixel_accuracy": pytest.approx(3 / 7),
        "precision": pytest.approx(1 / 3),  # class 1: 1 of 3 given; class 2 is never given
        "recall": pytest.approx((1 / 3 + 0) / 2),
        "labelled": pytest.approx(6 / 7),
    }


def test_nothing_counted_gives_nan_everywhere_without_a_warning(recwarn):
    nothing = np.zeros((3, 4), np.int64)
    assert np.isnan([*summary(nothing).values(), mean_iou(nothing), pixel_accuracy(nothing)]).all()
    assert not recwarn.list
