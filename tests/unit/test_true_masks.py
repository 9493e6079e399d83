"""A threshold that is chosen on true masks needs one at least."""

import numpy as np
import pytest

from mdc.errors import InputError
from mdc.true_masks import check_some_true_masks

PHOTO, MASK = np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.uint8)


def test_one_true_mask_is_enough(tmp_path, write_split):
    split = write_split("train", {"a": (PHOTO, "", None), "b": (PHOTO, "", MASK), "c": (PHOTO, "", None)})
    check_some_true_masks(train_csv=split, checked_txt=tmp_path / "checked.txt")
    assert (tmp_path / "checked.txt").read_text() == "1 training images have a true mask\n"


def test_none_is_told_with_the_key(tmp_path, write_split):
    split = write_split("train", {"a": (PHOTO, "", None)})
    with pytest.raises(InputError, match="masks.threshold: best, .* no training image has one: give a number"):
        check_some_true_masks(train_csv=split, checked_txt=tmp_path / "checked.txt")
    assert not (tmp_path / "checked.txt").exists()
