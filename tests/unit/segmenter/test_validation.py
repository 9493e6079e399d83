"""Which photos and masks a segmenter is validated on."""

import pandas as pd
import pytest

from mdc.segmenter import validation
from mdc.segmenter.validation import Sample, validation_sample

TRAIN = pd.DataFrame({"id": ["x", "y"], "image": ["x.jpg", "y.jpg"], "mask": ["true/x.png", ""]})
LEARNT = ["pseudo/x.png", "pseudo/y.png"]
VAL = pd.DataFrame({"id": ["u", "v"], "image": ["u.jpg", "v.jpg"], "mask": ["", "true/v.png"]})


@pytest.mark.parametrize("val", [None, VAL[:1], VAL[:0]])
def test_without_ground_truth_of_val_the_masks_that_are_learnt_are_what_is_compared_with(val):
    found = validation_sample(val, TRAIN, LEARNT)
    assert found == Sample("train", ["x.jpg", "y.jpg"], LEARNT) and found.metric == "mIoU_train"


def test_images_of_val_without_ground_truth_are_left_out():
    found = validation_sample(VAL, TRAIN, LEARNT)
    assert found == Sample("val", ["v.jpg"], ["true/v.png"]) and found.metric == "mIoU_val"


def test_a_sample_is_evenly_spaced(monkeypatch):
    monkeypatch.setattr(validation, "IMAGES", 3)
    names = [f"{number}" for number in range(9)]
    val = pd.DataFrame({"id": names, "image": names, "mask": [f"true {name}" for name in names]})
    assert validation_sample(val, TRAIN, LEARNT) == Sample("val", ["0", "4", "8"], ["true 0", "true 4", "true 8"])
