"""The masks stage from files to files, and masks of another method."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mdc.data.mask_files import read_mask, write_mask
from mdc.masks.external import link_masks
from mdc.masks.fused import fuse_masks, fuse_salient_masks, sweep_threshold
from mdc.runtime.errors import InputError
from mdc.runtime.hashes import file_digest
from mdc.storage.hdf5 import CAMS, Cams, create
from mdc.storage.image_tables import read_table, write_table

RECIPE = {
    "threshold": 0.3,
    "relative_to": "max",
    "background_saliency_below": 0.06,
    "background_below": 0.1,
    "background_conflict": "ignore",
    "class_conflict": "ignore",
}
# Two blocks, one class (index 2), two features 4 pixels apart, a photo of 1 x 5 pixels. Rectified: (1, 0), (0, 1).
LEFT, RIGHT = [[4.0, -1.0]], [[-3.0, 0.5]]
# d1 at the pixels: 1, .75, .5, .25, 0; d3 reversed; their sum 1 everywhere.


@pytest.fixture
def cams_h5(tmp_path):
    """Return two map files: an image `x/1` of class 2, and an image `none` without tags."""
    maps = np.array([[LEFT], [RIGHT]], np.float32)
    images = {
        "0.h5": Cams("x/1", maps, np.array([2], np.uint8), np.zeros((2, 3)), 1, 5),
        "1.h5": Cams("none", maps[:, :0], np.zeros(0, np.uint8), np.zeros((2, 3)), 1, 5),
    }
    for name, cams in images.items():
        with create(
            tmp_path / name, kind=CAMS, stride=4, classes=["a", "b", "c"], weights_hash="", config={}, dilations=[1, 3]
        ) as writer:
            writer.add_cams(cams)
    return [tmp_path / name for name in images]


@pytest.fixture
def saliency_csv(tmp_path):
    """Return a table of saliency maps, 0 at the last two pixels and 255 at the others."""
    rows = []
    for name in ("x-1", "none"):
        path = tmp_path / f"{name}.png"
        Image.fromarray(np.array([[255, 255, 255, 0, 0]], np.uint8)).save(path)
        rows.append((name.replace("-", "/"), str(path), file_digest(path)))
    write_table(rows, tmp_path / "saliency.csv")
    return [tmp_path / "saliency.csv"]


def masks(path) -> dict[str, list]:
    return {image_id: read_mask(png).tolist() for image_id, png in read_table([path]).items()}


def fused(tmp_path, cams_h5, saliency_csv, *, setting="d1", sweep_csv=None, processes=1, **recipe):
    fuse_masks(
        cams_h5=cams_h5,
        saliency_csv=saliency_csv,
        masks_csv=tmp_path / "masks" / "train.csv",
        setting=setting,
        names=["d1", "d3"],
        recipe=RECIPE | recipe,
        sweep_csv=sweep_csv,
        processes=processes,
    )
    return masks(tmp_path / "masks" / "train.csv")


@pytest.mark.parametrize("processes", [1, 2])
def test_pseudo_masks_of_one_block(tmp_path, cams_h5, saliency_csv, processes):
    # above 0.3: the first three pixels; background: the last two
    found = fused(tmp_path, cams_h5, saliency_csv, processes=processes)
    assert found == {"x/1": [[2, 2, 2, 0, 0]], "none": [[0, 0, 0, 0, 0]]}
    assert (tmp_path / "masks" / "train" / "x" / "1.png").is_file()


@pytest.mark.parametrize(
    ("setting", "recipe", "expected"),
    [
        ("d3", {}, [255, 255, 2, 255, 255]),  # above 0.3 from pixel 2 on, in conflict with the background at 3 and 4
        ("d3", {"background_conflict": "object"}, [255, 255, 2, 2, 2]),
        ("d3", {"background_conflict": "background"}, [255, 255, 2, 0, 0]),
        ("d1", {"threshold": 0.6}, [2, 2, 255, 0, 0]),
        ("fusion", {"background_conflict": "background"}, [2, 2, 2, 0, 0]),
        ("mean", {"relative_to": "absolute", "threshold": 0.6}, [255, 255, 255, 0, 0]),  # 0.5 everywhere
        ("fusion", {"relative_to": "absolute", "threshold": 0.6}, [2, 2, 2, 255, 255]),  # 1 everywhere
    ],
)
def test_pseudo_masks_of_other_settings_and_recipes(tmp_path, cams_h5, saliency_csv, setting, recipe, expected):
    assert fused(tmp_path, cams_h5, saliency_csv, setting=setting, **recipe)["x/1"] == [expected]


def test_the_best_threshold_is_that_of_the_sweep(tmp_path, cams_h5, saliency_csv):
    sweep = pd.DataFrame({"maps": "d1", "threshold": [0.1, 0.3, 0.6, 0.8], "miou": [0.2, 0.4, 0.7, 0.7]})
    sweep.to_csv(tmp_path / "given.csv", index=False)
    found = fused(tmp_path, cams_h5, saliency_csv, threshold="best", sweep_csv=tmp_path / "given.csv")
    assert found["x/1"] == [[2, 2, 255, 0, 0]]  # as at .6; .8 would leave out the second pixel too


def test_the_best_threshold_needs_true_masks(tmp_path, cams_h5, saliency_csv):
    pd.DataFrame({"maps": [], "threshold": [], "miou": []}).to_csv(tmp_path / "given.csv", index=False)
    with pytest.raises(InputError, match="no training image has a true mask, so masks.threshold cannot be best"):
        fused(tmp_path, cams_h5, saliency_csv, threshold="best", sweep_csv=tmp_path / "given.csv")


def test_without_saliency_the_background_is_where_the_map_is_low(tmp_path, cams_h5):
    assert fused(tmp_path, cams_h5, [], background_below=0.1)["x/1"] == [[2, 2, 2, 255, 0]]
    assert fused(tmp_path, cams_h5, [], background_below=0.25)["x/1"] == [[2, 2, 2, 0, 0]]


def test_an_image_without_a_saliency_map_is_named(tmp_path, cams_h5, saliency_csv):
    write_table([("none", str(tmp_path / "none.png"), "0")], saliency_csv[0])
    with pytest.raises(InputError, match=r"saliency\.csv: no saliency map of the image x/1"):
        fused(tmp_path, cams_h5, saliency_csv)


def test_a_saliency_map_of_another_size_is_named(tmp_path, cams_h5, saliency_csv):
    Image.fromarray(np.zeros((5, 1), np.uint8)).save(read_table(saliency_csv)["x/1"])
    with pytest.raises(InputError, match=r"is 1 x 5 pixels, its image 5 x 1: make the map again"):
        fused(tmp_path, cams_h5, saliency_csv)


def test_salient_baseline_uses_the_threshold_of_its_file(tmp_path, cams_h5, saliency_csv):
    (tmp_path / "threshold.json").write_text(json.dumps({"threshold": 0.5}))
    fuse_salient_masks(
        cams_h5=cams_h5,
        saliency_csv=saliency_csv,
        threshold_json=tmp_path / "threshold.json",
        masks_csv=tmp_path / "salient.csv",
        setting="fusion",
        names=["d1", "d3"],
        processes=1,
    )
    assert masks(tmp_path / "salient.csv") == {"x/1": [[2, 2, 2, 0, 0]], "none": [[0, 0, 0, 0, 0]]}


def swept(tmp_path, cams_h5, saliency_csv, train_csv) -> pd.DataFrame:
    sweep_threshold(
        train_csv=train_csv,
        cams_h5=cams_h5,
        saliency_csv=saliency_csv,
        sweep_csv=tmp_path / "sweep.csv",
        setting="d1",
        names=["d1", "d3"],
        recipe={name: value for name, value in RECIPE.items() if name != "threshold"},
        thresholds=[0.3, 0.6],
        classes=3,
        processes=1,
    )
    return pd.read_csv(tmp_path / "sweep.csv")


def test_sweep_by_hand(tmp_path, cams_h5, saliency_csv, write_split):
    photo = np.zeros((1, 5, 3), np.uint8)
    truth = np.array([[2, 2, 0, 0, 255]], np.uint8)
    table = swept(
        tmp_path, cams_h5, saliency_csv, write_split("t", {"x/1": (photo, "b", truth), "none": (photo, "", None)})
    )
    assert table["maps"].tolist() == ["d1", "d1"] and table["threshold"].tolist() == [0.3, 0.6]
    # at 0.3 the mask is 2 2 2 0 0, at 0.6 it is 2 2 255 0 0; the last pixel does not count
    assert table["miou"].tolist() == pytest.approx([(1 / 2 + 2 / 3) / 2, (1 / 2 + 1) / 2])
    assert table["pixel_accuracy"].tolist() == pytest.approx([3 / 4, 3 / 4])
    assert table["precision"].tolist() == pytest.approx([2 / 3, 1])
    assert table["recall"].tolist() == pytest.approx([1, 1])
    assert table["labelled"].tolist() == pytest.approx([1, 3 / 4])


def test_sweep_without_true_masks_has_columns_and_no_rows(tmp_path, cams_h5, saliency_csv, write_split):
    table = swept(
        tmp_path, cams_h5, saliency_csv, write_split("t", {"x/1": (np.zeros((1, 5, 3), np.uint8), "b", None)})
    )
    assert len(table) == 0
    assert list(table.columns) == ["maps", "threshold", "miou", "pixel_accuracy", "precision", "recall", "labelled"]


def linked(tmp_path, write_split, images) -> dict[str, str]:
    photo = np.zeros((2, 3, 3), np.uint8)
    link_masks(
        split_csv=write_split("train", {name: (photo, "", None) for name in images}),
        folder=tmp_path / "own",
        masks_csv=tmp_path / "own.csv",
        classes=2,
    )
    return read_table([tmp_path / "own.csv"])


def test_another_methods_masks_are_taken_over(tmp_path, write_split):
    for name in ("x/1", "y"):
        write_mask(tmp_path / "own" / f"{name}.png", np.array([[0, 1, 2], [255, 0, 0]], np.uint8))
    found = linked(tmp_path, write_split, ["x/1", "y"])
    assert found == {name: str(tmp_path / "own" / f"{name}.png") for name in ("x/1", "y")}


def test_all_unusable_masks_of_another_method_are_listed(tmp_path, write_split):
    write_mask(tmp_path / "own" / "good.png", np.zeros((2, 3), np.uint8))
    write_mask(tmp_path / "own" / "turned.png", np.zeros((3, 2), np.uint8))
    write_mask(tmp_path / "own" / "strange.png", np.array([[0, 3, 7], [255, 2, 3]], np.uint8))
    with pytest.raises(InputError) as error:
        linked(tmp_path, write_split, ["good", "turned", "strange", "missing"])
    lines = str(error.value).splitlines()
    assert lines[0] == "masks.own_masks, 3 masks cannot be used:"
    assert lines[1].endswith("turned.png: the mask is 2 x 3, its photo 3 x 2 pixels: make it again at that size")
    assert lines[2].endswith("strange.png: the indices [3, 7] are no classes; there are 2: make the mask again")
    assert "missing.png: there is no such mask: put it back or" in lines[3]
    assert not (tmp_path / "own.csv").exists()
