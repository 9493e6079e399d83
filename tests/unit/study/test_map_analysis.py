"""The measures of a network's maps from files to files, on one photo of five pixels."""

import numpy as np
import pandas as pd
import pytest

from mdc.cams.files import Cams, CamsInfo, create_cams
from mdc.networks.grid import Grid
from mdc.study.map_analysis import measure_maps, response_table, sizes_table

# Two blocks, class 2, two features 4 pixels apart: d1 is 1, .75, .5, .25, 0 at the pixels, d3 the reverse.
MAPS = np.array([[[[4.0, -1.0]]], [[[-3.0, 0.5]]]], np.float32)
PHOTO = np.zeros((1, 5, 3), np.uint8)


@pytest.fixture
def measured(tmp_path, write_split):
    logits = {"train": [[0.0] * 3] * 2, "val": [[0.0, 1.0, -1.0], [0.0, -1.0, 1.0]]}
    for split, values in logits.items():
        with create_cams(tmp_path / f"{split}.h5", CamsInfo(Grid(4), [1, 3], list("abc"), ""), config={}) as writer:
            writer.add(Cams("x", MAPS, np.array([2], np.uint8), np.array(values), 1, 5).item())
    measure_maps(
        train_csv=write_split("train", {"x": (PHOTO, "b", np.array([[2, 2, 0, 0, 255]], np.uint8))}),
        train_cams_h5=[tmp_path / "train.h5"],
        val_cams_h5=[tmp_path / "val.h5"],
        settings=["d1", "d3", "fusion", "mean"],
        thresholds=[0.3, 0.6],
        synthetic=None,
        folder=tmp_path / "study",
        processes=1,
    )
    return lambda name: pd.read_csv(tmp_path / "study" / f"{name}.csv")


def test_regions_by_hand(measured):
    table = measured("regions").set_index(["maps", "threshold"])
    # d1 is above .3 at the first three pixels, of which two are true, and above .6 at these two
    assert table.loc[("d1", 0.3)].tolist() == pytest.approx([2 / 3, 1, 2 / 3])
    assert table.loc[("d1", 0.6)].tolist() == pytest.approx([1, 1, 1])
    # d3 is above .3 at the third and fourth, and at the last, which is void
    assert table.loc[("d3", 0.3)].tolist() == [0, 0, 0]
    # their sum is 1 everywhere
    assert table.loc[("fusion", 0.6)].tolist() == table.loc[("mean", 0.6)].tolist() == [0.5, 1, 0.5]


def test_seen_by_two_blocks_by_hand(measured):
    table = measured("seen").set_index(["threshold", "positives", "blocks"])["share"]
    # at .3 both true pixels lie in d1's region alone; of the false ones the third lies in both, the fourth in d3's
    assert table[0.3].tolist() == [1, 0, 0.5, 0.5]


def test_sizes_and_response_have_their_rows(measured):
    sizes = measured("sizes")
    assert sizes[(sizes["maps"] == "d1") & (sizes["threshold"] == 0.3)]["iou"].dropna().tolist() == pytest.approx(
        [2 / 3]
    )  # one object, in one quarter
    assert measured("response").empty  # not the built-in dataset


def test_logits_are_kept_by_image_and_block(measured):
    table = measured("logits")
    assert table.to_numpy().tolist() == [["x", "d1", 0, 1, -1], ["x", "d3", 0, -1, 1]]
    assert measured("contrast").empty


def test_objects_are_parted_into_quarters_by_size():
    # four objects, one setting, one threshold; IoU 1, 1/2, 1/4, 0
    counts = np.array([[[[4, 4, 4]]], [[[4, 2, 2]]], [[[4, 1, 1]]], [[[4, 4, 0]]]])
    table = sizes_table(counts, np.array([0.4, 0.1, 0.2, 0.3]), ["d1"], [0.5])
    assert table["size"].tolist() == ["smallest", "small", "large", "largest"]
    assert table["iou"].tolist() == [0.5, 0.25, 0, 1]


def test_responses_are_paired_object_by_object():
    responses = np.full((3, 1, 3, 24), np.nan)
    responses[0, 0, :, 2] = [0.8, np.nan, 0.4]
    responses[1, 0, :, 2] = [0.6, 0.5, 0.0]
    responses[2, 0, :, 2] = [np.nan, 0.9, 0.9]  # no body at this distance
    table = response_table(responses, ["d1"]).set_index(["region", "from_px"])
    assert table.loc[("background", 4), ["body", "other", "objects"]].tolist() == pytest.approx([0.7, 0.2, 2])
    assert table.loc[("distractor", 4), ["body", "other", "objects"]].tolist() == pytest.approx([0.6, 0.5, 1])
    assert table.loc[("background", 6), "objects"] == 0
