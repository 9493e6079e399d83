"""Training on true masks needs all of them; a threshold that is chosen on them needs one at least."""

import numpy as np
import pandas
import pytest

from mdc.data.ground_truth import check_ground_truth, check_some_ground_truth
from mdc.data.manifest import COLUMNS, SIDES, write_manifest
from mdc.runtime.errors import InputError

PHOTO, MASK = np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.uint8)


def test_none_is_told_with_the_key(tmp_path, write_split):
    split = write_split("train", {"a": (PHOTO, "", None)})
    with pytest.raises(InputError, match="masks.threshold: best, .* no training image has one: give a number"):
        check_some_ground_truth(train_csv=split, checked_txt=tmp_path / "checked.txt")
    assert not (tmp_path / "checked.txt").exists()


def test_true_masks_are_asked_of_every_training_image(tmp_path):
    columns = {"image": "x.jpg", "tags": "", "own_mask": "", "digest": "0"} | dict.fromkeys(SIDES, 1)
    rows = [
        {"id": "a", "mask": "a.png"} | columns,
        {"id": "b", "mask": ""} | columns,
        {"id": "c", "mask": ""} | columns,
    ]
    write_manifest(pandas.DataFrame(rows)[list(COLUMNS)], tmp_path / "train.csv")
    with pytest.raises(InputError) as error:
        check_ground_truth(train_csv=tmp_path / "train.csv", checked_txt=tmp_path / "checked.txt")
    headline, *lines = str(error.value).splitlines()
    assert "2 of 3 training images have no mask" in headline and lines == ["  b", "  c"]
    assert not (tmp_path / "checked.txt").exists()
    write_manifest(pandas.DataFrame(rows[:1])[list(COLUMNS)], tmp_path / "train.csv")
    check_ground_truth(train_csv=tmp_path / "train.csv", checked_txt=tmp_path / "checked.txt")
    assert (tmp_path / "checked.txt").read_text() == "1 training images have a true mask\n"
