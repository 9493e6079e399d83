"""The description of a dataset, on one drawn image whose numbers can be counted."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mdc.runtime.hashes import file_digest
from mdc.storage.image_tables import write_table
from mdc.study.dataset_statistics import describe_data, described_objects


def image_and_mask() -> tuple[np.ndarray, np.ndarray]:
    """Return 40 x 50 pixels: a white 10 x 20 object in the middle, a grey 10 x 10 one at the left border, on black."""
    mask = np.zeros((40, 50), np.uint8)
    mask[10:20, 20:40] = 1
    mask[25:35, 0:10] = 2
    image = np.zeros((40, 50, 3), np.uint8)
    image[mask == 1] = 255
    image[mask == 2] = 119  # half of CIELAB's lightness
    return image, mask


def test_objects_by_hand():
    first, second = described_objects(*image_and_mask())
    assert first["area"] == pytest.approx(200 / 2000) and second["area"] == pytest.approx(100 / 2000)
    assert first["contrast"] == pytest.approx(100, abs=0.5) and second["contrast"] == pytest.approx(50, abs=0.5)
    assert (first["border"], second["border"]) == (0, 1)
    assert (first["contact"], second["contact"]) == (0, 0)


def test_parts_of_a_class_are_objects_of_their_own_and_crumbs_are_none():
    image, mask = image_and_mask()
    mask[mask == 2] = 1
    mask[0, 49] = 1  # less than three thousandths of the image
    assert len(described_objects(image, mask)) == 2


def test_objects_of_two_classes_side_by_side_are_in_contact():
    image, mask = image_and_mask()
    mask[10:20, 41:45] = 2  # one column of background lies between
    assert [row["contact"] for row in described_objects(image, mask)] == [1, 1, 0]  # class by class


def test_saliency_is_judged_at_its_best_threshold(tmp_path, write_split):
    image, mask = image_and_mask()
    split = write_split("train", {"a": (image, "cat;dog", mask), "b": (image, "cat", None)})
    saliency = np.where(mask > 0, 200, 50).astype(np.uint8)
    saliency[0, :30] = 220  # salient, but no object
    Image.fromarray(saliency).save(tmp_path / "a.png")
    write_table([("a", str(tmp_path / "a.png"), file_digest(tmp_path / "a.png"))], tmp_path / "saliency.csv")
    found = describe_data(split_csv=split, saliency_csv=tmp_path / "saliency.csv", processes=1)
    value = dict(zip(found["measure"], found["value"], strict=True))
    assert value["images"] == 1  # the one with a true mask
    assert value["images with several tags"] == 1
    assert value["foreground, share of pixels"] == pytest.approx(300 / 2000)
    assert value["rbd, foreground IoU there"] == pytest.approx(300 / 330)
    assert value["rbd, precision there"] == pytest.approx(300 / 330) and value["rbd, recall there"] == 1
    assert value["rbd, share of background called salient there"] == pytest.approx(30 / 1700)
    assert value["rbd, precision at 0.06"] == pytest.approx(300 / 2000)  # 50 of 255 is more than .06
    assert isinstance(found, pd.DataFrame) and list(found.columns) == ["measure", "value"]


def test_true_masks_without_any_object_are_described(tmp_path, write_split):
    image, mask = image_and_mask()
    split = write_split("train", {"a": (image, "", np.zeros_like(mask))})
    Image.fromarray(np.zeros_like(mask)).save(tmp_path / "a.png")
    write_table([("a", str(tmp_path / "a.png"), file_digest(tmp_path / "a.png"))], tmp_path / "saliency.csv")
    found = describe_data(split_csv=split, saliency_csv=tmp_path / "saliency.csv", processes=1)
    value = dict(zip(found["measure"], found["value"], strict=True))
    assert value["objects per image"] == 0 and value["foreground, share of pixels"] == 0
    assert np.isnan(value["area of objects, 50% quantile"])
