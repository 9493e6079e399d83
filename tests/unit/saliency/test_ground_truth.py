"""True masks in the place of saliency maps."""

import numpy as np
import pandas as pd
import pytest

from mdc.data.mask_files import write_mask
from mdc.runtime.errors import InputError
from mdc.saliency.ground_truth import true_objects, write_true_objects
from mdc.saliency.maps import read_saliency


def test_objects_of_any_class_are_salient_and_void_is_unknown():
    assert true_objects(np.array([[0, 1, 20, 255]], np.uint8)).tolist() == [[0, 255, 255, 128]]


def test_maps_are_written_where_the_table_says(tmp_path):
    write_mask(tmp_path / "mask.png", np.array([[0, 3], [255, 0]], np.uint8))
    table = pd.DataFrame({"id": ["a/b"], "mask": [str(tmp_path / "mask.png")]})
    found = write_true_objects(table, folder=tmp_path / "maps", processes=1)
    assert found["id"].tolist() == ["a/b"] and found["path"].tolist() == [str(tmp_path / "maps" / "a" / "b.png")]
    assert (255 * read_saliency(tmp_path / "maps" / "a" / "b.png")).round().tolist() == [[0, 255], [128, 0]]


def test_images_without_a_true_mask_are_counted_and_named(tmp_path):
    table = pd.DataFrame({"id": ["a", "b", "c"], "mask": ["x.png", "", ""]})
    with pytest.raises(
        InputError, match="2 of 3 images have no true mask, which source ground_truth needs; the first is b"
    ):
        write_true_objects(table, folder=tmp_path, processes=1)
