"""Scores of masks against true masks."""

import numpy as np
import pandas as pd
import pytest

from mdc.data.mask_files import write_mask
from mdc.runtime.errors import InputError
from mdc.runtime.hashes import file_digest
from mdc.scores.compare import score_masks
from mdc.storage.image_tables import write_table

PHOTO = np.zeros((1, 4, 3), np.uint8)


@pytest.fixture
def split(write_split):
    """Return a manifest of three images of 1 x 4 pixels; `c` has no true mask."""
    return write_split(
        "val",
        {
            "a": (PHOTO, "", np.array([[0, 0, 1, 255]], np.uint8)),
            "x/b": (PHOTO, "", np.array([[2, 2, 2, 0]], np.uint8)),
            "c": (PHOTO, "", None),
        },
    )


@pytest.fixture
def scored(tmp_path, split):
    """Return a function that scores masks, given per id, and returns the two tables."""

    def score(masks: dict[str, list] | None, *, processes: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
        rows = []
        for name, mask in (masks or {}).items():
            path = tmp_path / "masks" / f"{name}.png"
            write_mask(path, np.array(mask, np.uint8))
            rows.append((name, str(path), file_digest(path)))
        write_table(rows, tmp_path / "masks.csv")
        score_masks(
            split_csv=split,
            masks_csv=None if masks is None else tmp_path / "masks.csv",
            confusion_csv=tmp_path / "confusion.csv",
            images_csv=tmp_path / "images.csv",
            pixels_csv=tmp_path / "pixels.csv",
            classes=["cat", "dog"],
            processes=processes,
        )
        confusion = pd.read_csv(tmp_path / "confusion.csv", index_col="truth")
        return confusion, pd.read_csv(tmp_path / "images.csv")

    return score


@pytest.mark.parametrize("processes", [1, 2])
def test_scores_by_hand(scored, processes):
    confusion, images = scored({"a": [[0, 1, 1, 2]], "x/b": [[2, 255, 0, 0]]}, processes=processes)
    assert list(confusion.index) == ["background", "cat", "dog"]
    assert list(confusion.columns) == ["background", "cat", "dog", "unlabelled"]
    assert confusion.to_numpy().tolist() == [[2, 1, 0, 0], [0, 1, 0, 0], [1, 0, 1, 1]]
    assert images["id"].tolist() == ["a", "x/b"]
    # a: background 1/2, cat 1/2; x/b: background 1/2, dog 1/3
    assert images["miou"].tolist() == pytest.approx([1 / 2, (1 / 2 + 1 / 3) / 2])
    assert images["pixel_accuracy"].tolist() == pytest.approx([2 / 3, 1 / 2])


def test_pixels_by_image_and_class_by_hand(scored, tmp_path):
    scored({"a": [[0, 1, 1, 2]], "x/b": [[2, 255, 0, 0]]})
    table = pd.read_csv(tmp_path / "pixels.csv")
    # a: truth 0 0 1 and mask 0 1 1 where counted; x/b: truth 2 2 2 0, mask 2 - 0 0
    assert list(table.columns) == ["id", "class", "truth", "predicted", "hits", "labelled"]
    assert table.to_numpy().tolist() == [
        ["a", 0, 2, 1, 1, 2],
        ["a", 1, 1, 2, 1, 1],
        ["x/b", 0, 1, 2, 1, 1],
        ["x/b", 2, 3, 1, 1, 2],
    ]


def test_scores_are_of_the_photos_own_sizes(scored, write_split):
    # `a`, 2 x 8 pixels, was reduced to 1 x 4: void in one of the four pixels that the last one stands for
    own = np.array([[0, 0, 0, 0, 1, 1, 0, 1], [0, 0, 0, 1, 1, 1, 1, 255]], np.uint8)
    write_split("val", {"a": (PHOTO, "", np.array([[0, 0, 1, 1]], np.uint8))}, own_truths={"a": own})
    # a pseudo mask, whose pixels count four times, and a prediction of the photo's own size
    confusion, _ = scored({"a": [[0, 0, 1, 255]]})
    assert confusion.to_numpy().tolist() == [[7, 0, 0, 1], [1, 4, 0, 2], [0, 0, 0, 0]]
    confusion, images = scored({"a": own.tolist()})
    assert confusion.to_numpy().tolist() == [[8, 0, 0, 0], [0, 7, 0, 0], [0, 0, 0, 0]]
    assert images["miou"].tolist() == [1]
    with pytest.raises(InputError, match=r"the mask is 2 x 1, its photo 8 x 2 pixels, reduced to 4 x 1: make it again"):
        scored({"a": [[0, 0]]})


def test_all_background_is_the_baseline_without_masks(scored):
    confusion, _ = scored(None)
    assert confusion.to_numpy().tolist() == [[3, 0, 0, 0], [1, 0, 0, 0], [3, 0, 0, 0]]
