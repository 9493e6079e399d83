"""How sure masks are without true masks: every measure by hand, and the table from files."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mdc.cams.files import Cams, CamsInfo, create_cams
from mdc.data.mask_files import write_mask
from mdc.masks.certainty import COLUMNS, estimate_certainty, measures, object_agreement, read_certainty, shared
from mdc.networks.grid import Grid
from mdc.storage.image_tables import write_table


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([1, 1, 0, 0], [1, 1, 0, 0], 1),
        ([1, 1, 0, 0], [0, 1, 1, 0], 1 / 3),
        ([1, 1, 255, 0], [2, 1, 1, 255], 1 / 3),  # another class is no agreement; 255 is no object
        ([0, 255], [255, 0], np.nan),
    ],
)
def test_agreement_of_objects(one, other, expected):
    assert object_agreement(np.array(one, np.uint8), np.array(other)) == pytest.approx(expected, nan_ok=True)


def test_what_maps_share():
    assert shared(np.array([1, 0.5, 0]), np.array([0.5, 0.5, 1])) == pytest.approx(1 / 2.5)
    assert np.isnan(shared(np.zeros(2), np.zeros(2)))


def test_certainty_is_the_mean_of_what_is_known():
    mask = np.array([[7, 7, 255, 0]], np.uint8)
    blocks = [np.array([[[1, 0.4, 0.2, 0]]]), np.array([[[1, 0.3, 0.2, 0]]])]  # of two pixels, and of one: not above .3
    fused, saliency = np.array([[[1, 0.5, 0.5, 0]]]), np.array([[1, 1, 0, 0]])
    found = measures(mask, np.array([7]), blocks=blocks, fused=fused, saliency=saliency)
    assert found == pytest.approx({
        "maps_agree": (1 + 1 / 2) / 2, "saliency_agrees": 1.5 / 2.5, "labelled": 3 / 4,
        "certainty": (0.75 + 0.6 + 0.75) / 3,
    })  # fmt: skip
    bare = measures(mask, np.array([7]), blocks=[], fused=fused, saliency=None)
    assert bare == pytest.approx({
        "maps_agree": np.nan, "saliency_agrees": np.nan, "labelled": 0.75, "certainty": 0.75
    }, nan_ok=True)  # fmt: skip


def test_of_two_classes_a_block_takes_the_higher_one():
    mask = np.array([[1, 2]], np.uint8)
    block = np.array([[[0.9, 0.5]], [[0.6, 1.0]]])
    assert measures(mask, np.array([1, 2]), blocks=[block], fused=block, saliency=None)["maps_agree"] == 1


def test_an_image_without_tags_is_as_sure_as_it_is_labelled():
    nothing = np.zeros((0, 1, 2))
    found = measures(
        np.zeros((1, 2), np.uint8), np.array([]), blocks=[nothing], fused=nothing, saliency=np.ones((1, 2))
    )
    assert found["certainty"] == 1 and np.isnan(found["maps_agree"])


def test_masks_are_ranked_from_files(tmp_path, write_split):
    photo = np.zeros((1, 9, 3), np.uint8)
    split = write_split("train", {"NA": (photo, "cat", None), "sure": (photo, "cat", None)})
    with create_cams(tmp_path / "m.h5", CamsInfo(Grid(8), [1, 3], ["cat"], ""), config={}) as writer:
        maps = np.array([[[[2.0, 0.0]]], [[[1.0, 0.0]]]])  # as shares of the maximum 1, 7/8, ... 1/8, 0
        for image_id in ("sure", "NA"):
            writer.add(Cams(image_id, maps, np.array([1]), np.zeros((2, 1)), 1, 9).item())
    rows = []
    for image_id, mask in (("NA", [0] * 4 + [1] + [255] * 4), ("sure", [1] * 6 + [0] * 3)):
        write_mask(tmp_path / f"{image_id}.png", np.array([mask], np.uint8))
        rows.append((image_id, str(tmp_path / f"{image_id}.png"), "0"))
    write_table(rows, tmp_path / "masks.csv")
    Image.fromarray(np.array([[255] * 9], np.uint8)).save(tmp_path / "s.png")
    write_table([(i, str(tmp_path / "s.png"), "0") for i in ("NA", "sure")], tmp_path / "saliency.csv")
    estimate_certainty(
        split_csv=split,
        cams_h5=[tmp_path / "m.h5"],
        saliency_csv=tmp_path / "saliency.csv",
        masks_csv=tmp_path / "masks.csv",
        certainty_csv=tmp_path / "certainty.csv",
        name="fusion",
        maps="fusion",
        processes=1,
    )
    found = read_certainty(tmp_path / "certainty.csv")
    assert tuple(found.columns) == COLUMNS and list(found["id"]) == ["NA", "sure"]
    # the six pixels of 1 to 3/8 are above .3; the fused map, also as a share of its maximum, has the sum 4.5 of 9
    assert found.iloc[0, 1:].tolist() == pytest.approx([1 / 6, 0.5, 5 / 9, (1 / 6 + 0.5 + 5 / 9) / 3], abs=1e-4)
    assert found.iloc[1, 1:].tolist() == pytest.approx([1, 0.5, 1, 2.5 / 3], abs=1e-4)


def test_a_table_keeps_unknown_measures_apart_from_ids(tmp_path):
    pd.DataFrame([("NA", np.nan, 0.5, 1, 0.75)], columns=list(COLUMNS)).to_csv(tmp_path / "c.csv", index=False)
    found = read_certainty(tmp_path / "c.csv")
    assert found["id"].tolist() == ["NA"] and np.isnan(found["maps_agree"].item())
