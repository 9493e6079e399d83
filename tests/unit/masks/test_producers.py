"""The producers of masks: their masks from files to files, shard by shard, and their scores."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mdc.cams.files import LAYOUT, Cams, CamsInfo, create_cams
from mdc.data.manifest import read_manifest
from mdc.data.mask_files import read_mask
from mdc.masks.fused import FusedMasks, fuse_masks
from mdc.masks.fusion import Recipe
from mdc.masks.producers import ImageInputs, images_with_maps
from mdc.masks.salient import SalientMasks, fuse_salient_masks
from mdc.masks.sweep import sweep_threshold
from mdc.networks.grid import Grid
from mdc.runtime.errors import InputError
from mdc.runtime.hashes import file_digest
from mdc.storage.hdf5 import link_shards
from mdc.storage.image_tables import join_tables, read_table, write_table

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
PHOTO = np.zeros((1, 5, 3), np.uint8)
INFO = CamsInfo(grid=Grid(4), dilations=[1, 3], classes=["a", "b", "c"], weights_hash="")


def write_cams(path: Path, *images: Cams) -> Path:
    with create_cams(path, INFO, config={}) as writer:
        for cams in images:
            writer.add(cams.item())
    return path


def cams_of(image_id: str, maps, class_ids) -> Cams:
    return Cams(image_id, np.array(maps, np.float32), np.array(class_ids, np.uint8), np.zeros((2, 3)), 1, 5)


@pytest.fixture
def split_csv(write_split) -> Path:
    return write_split("train", {"x/1": (PHOTO, "b", None), "none": (PHOTO, "", None)})


@pytest.fixture
def cams_h5(tmp_path) -> list[Path]:
    """Return two map files: an image `x/1` of class 2, and an image `none` without tags."""
    maps = np.array([[LEFT], [RIGHT]])
    return [
        write_cams(tmp_path / "train.0-of-2.h5", cams_of("x/1", maps, [2])),
        write_cams(tmp_path / "train.1-of-2.h5", cams_of("none", maps[:, :0], [])),
    ]


@pytest.fixture
def saliency_csv(tmp_path) -> Path:
    """Return a table of saliency maps, 0 at the last two pixels and 255 at the others."""
    rows = []
    for name in ("x-1", "none"):
        path = tmp_path / f"{name}.png"
        Image.fromarray(np.array([[255, 255, 255, 0, 0]], np.uint8)).save(path)
        rows.append((name.replace("-", "/"), str(path), file_digest(path)))
    write_table(rows, tmp_path / "saliency.csv")
    return tmp_path / "saliency.csv"


def masks(path: Path) -> dict[str, list]:
    return {image_id: read_mask(Path(png)).tolist() for image_id, png in read_table([path]).items()}


@pytest.fixture
def fused(tmp_path, split_csv, cams_h5):
    """Return a function that makes the masks of every file of maps, joins their tables and returns the masks."""

    def fuse(saliency_csv: Path | None, *, files=cams_h5, maps="d1", sweep_csv=None, **recipe) -> dict[str, list]:
        shards = [tmp_path / "masks" / f"train.{shard}.csv" for shard in range(len(files))]
        for cams, masks_csv in zip(files, shards, strict=True):
            fuse_masks(
                split_csv=split_csv,
                cams_h5=cams,
                saliency_csv=saliency_csv,
                masks_csv=masks_csv,
                folder=tmp_path / "masks" / "train",
                maps=maps,
                recipe=RECIPE | recipe,
                sweep_csv=sweep_csv,
                processes=2,
            )
        join_tables(shards, tmp_path / "masks" / "train.csv")
        return masks(tmp_path / "masks" / "train.csv")

    return fuse


def test_pseudo_masks_of_one_block_whatever_its_shards(tmp_path, fused, saliency_csv, cams_h5):
    # above 0.3: the first three pixels; background: the last two
    expected = {"x/1": [[2, 2, 2, 0, 0]], "none": [[0, 0, 0, 0, 0]]}
    assert fused(saliency_csv) == expected
    in_shards = (tmp_path / "masks" / "train.csv").read_text()
    link_shards(cams_h5, tmp_path / "train.h5", LAYOUT)
    assert fused(saliency_csv, files=[tmp_path / "train.h5"]) == expected
    assert (tmp_path / "masks" / "train.csv").read_text() == in_shards
    assert (tmp_path / "masks" / "train" / "x" / "1.png").is_file()


@pytest.mark.parametrize(
    ("maps", "recipe", "expected"),
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
def test_pseudo_masks_of_other_maps_and_recipes(fused, saliency_csv, maps, recipe, expected):
    assert fused(saliency_csv, maps=maps, **recipe)["x/1"] == [expected]


def test_the_best_threshold_is_that_of_the_sweep(tmp_path, fused, saliency_csv):
    sweep = pd.DataFrame({"maps": "d1", "threshold": [0.1, 0.3, 0.6, 0.8], "miou": [0.2, 0.4, 0.7, 0.7]})
    sweep.to_csv(tmp_path / "given.csv", index=False)
    found = fused(saliency_csv, threshold="best", sweep_csv=tmp_path / "given.csv")
    assert found["x/1"] == [[2, 2, 255, 0, 0]]  # as at .6; .8 would leave out the second pixel too


def test_the_best_threshold_needs_true_masks(tmp_path, fused, saliency_csv):
    pd.DataFrame({"maps": [], "threshold": [], "miou": []}).to_csv(tmp_path / "given.csv", index=False)
    with pytest.raises(InputError, match="no training image has a true mask, so masks.threshold cannot be best"):
        fused(saliency_csv, threshold="best", sweep_csv=tmp_path / "given.csv")


def test_without_saliency_the_background_is_where_the_map_is_low(fused):
    assert fused(None, background_below=0.1)["x/1"] == [[2, 2, 2, 255, 0]]
    assert fused(None, background_below=0.25)["x/1"] == [[2, 2, 2, 0, 0]]


def test_salient_baseline_uses_the_threshold_of_its_file(tmp_path, split_csv, cams_h5, saliency_csv):
    (tmp_path / "threshold.json").write_text(json.dumps({"threshold": 0.5}))
    link_shards(cams_h5, tmp_path / "train.h5", LAYOUT)
    fuse_salient_masks(
        split_csv=split_csv,
        cams_h5=tmp_path / "train.h5",
        saliency_csv=saliency_csv,
        threshold_json=tmp_path / "threshold.json",
        masks_csv=tmp_path / "salient.csv",
        folder=tmp_path / "salient",
        maps="fusion",
        processes=1,
    )
    assert masks(tmp_path / "salient.csv") == {"x/1": [[2, 2, 2, 0, 0]], "none": [[0, 0, 0, 0, 0]]}


def swept(tmp_path, cams_h5, saliency_csv, train_csv) -> pd.DataFrame:
    sweep_threshold(
        train_csv=train_csv,
        cams_h5=cams_h5,
        saliency_csv=saliency_csv,
        sweep_csv=tmp_path / "sweep.csv",
        name="d1@other",
        maps="d1",
        recipe={name: value for name, value in RECIPE.items() if name != "threshold"},
        thresholds=[0.3, 0.6],
        classes=3,
        processes=1,
    )
    return pd.read_csv(tmp_path / "sweep.csv")


def test_sweep_by_hand(tmp_path, cams_h5, saliency_csv, write_split):
    truth = np.array([[2, 2, 0, 0, 255]], np.uint8)
    table = swept(
        tmp_path, cams_h5, saliency_csv, write_split("t", {"x/1": (PHOTO, "b", truth), "none": (PHOTO, "", None)})
    )
    assert table["maps"].tolist() == ["d1@other"] * 2 and table["threshold"].tolist() == [0.3, 0.6]
    # at 0.3 the mask is 2 2 2 0 0, at 0.6 it is 2 2 255 0 0; the last pixel does not count
    assert table["miou"].tolist() == pytest.approx([(1 / 2 + 2 / 3) / 2, (1 / 2 + 1) / 2])
    assert table["pixel_accuracy"].tolist() == pytest.approx([3 / 4, 3 / 4])
    assert table["precision"].tolist() == pytest.approx([2 / 3, 1])
    assert table["recall"].tolist() == pytest.approx([1, 1])
    assert table["labelled"].tolist() == pytest.approx([1, 3 / 4])


def test_sweeps_are_of_the_photos_own_sizes(tmp_path, cams_h5, saliency_csv, write_split):
    own = np.array([[2, 2, 2, 2, 0, 2, 0, 0, 255, 0]], np.uint8)
    images = {"x/1": (PHOTO, "b", np.array([[2, 2, 0, 0, 255]], np.uint8))}
    table = swept(tmp_path, cams_h5, saliency_csv, write_split("t", images, own_truths={"x/1": own}))
    # at 0.3 the mask is 2 2 2 0 0, at 0.6 it is 2 2 255 0 0, each pixel twice
    assert table["pixel_accuracy"].tolist() == pytest.approx([8 / 9, 7 / 9])
    assert table["miou"].tolist() == pytest.approx([(3 / 4 + 5 / 6) / 2, (3 / 4 + 4 / 5) / 2])


@pytest.fixture
def image(tmp_path, write_split):
    """Return a function that gives an image of 1 x 5 pixels with classes 1 and 3, and saliency 1, .8, .6, .2, 0.

    Its maps d1 are at the pixels 1, .75, .5, .25, 0 of class 1 and reversed of class 3; d3 is 0 for class 1, and so
    fusion is 1, .75, .5, .25, 0 of class 1 and 0, .5, 1, 1.5, 2 of class 3.
    """

    def make(*, has_saliency=True, tagged=True) -> ImageInputs:
        maps = np.array([[LEFT, RIGHT], [[[-1.0, -1.0]], RIGHT]])
        cams = cams_of("i", maps, [1, 3]) if tagged else cams_of("i", maps[:, :0], [])
        path = write_cams(tmp_path / "i.h5", cams)
        Image.fromarray(np.array([[255, 204, 153, 51, 0]], np.uint8)).save(tmp_path / "i.png")
        write_table([("i", str(tmp_path / "i.png"), "0")], tmp_path / "i.csv")
        table = read_manifest(write_split("one", {"i": (PHOTO, "a;c" if tagged else "", None)}))
        (found,) = images_with_maps(table, [path], saliency_csv=tmp_path / "i.csv" if has_saliency else None)
        return found

    return make


def assert_scores(found: np.ndarray, expected) -> None:
    assert found.dtype == np.float32 and 0 <= found.min() and found.max() <= 1
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-6)


FALLING = np.array([1, 0.75, 0.5, 0.25, 0])
RISING = FALLING[::-1]
SALIENCY = np.array([1, 0.8, 0.6, 0.2, 0])


@pytest.mark.parametrize("maps", ["d1", "fusion"])  # the maximum 2 of the fusion is a share of 1 too
def test_scores_of_fused_masks_are_shares_of_each_maximum_and_what_is_not_salient(image, maps):
    producer = FusedMasks(maps, Recipe(**RECIPE))
    assert_scores(producer.scores(image()), [1 - SALIENCY, FALLING, RISING])
    assert_scores(producer.scores(image(has_saliency=False)), [[0, 0.25, 0.5, 0.25, 0], FALLING, RISING])
    assert_scores(producer.scores(image(tagged=False)), [1 - SALIENCY])
    assert_scores(producer.scores(image(tagged=False, has_saliency=False)), [np.ones(5)])


@pytest.mark.parametrize(("threshold", "by_hand"), [(0.3, [1, 1, 255, 255, 255]), (0.8, [1, 255, 255, 0, 255])])
def test_fused_masks_are_what_the_thresholds_make_of_their_scores(image, threshold, by_hand):
    producer = FusedMasks("fusion", Recipe(**RECIPE | {"threshold": threshold, "background_saliency_below": 0.3}))
    background, *objects = producer.scores(image())[:, 0]
    claims = {0: background > 1 - 0.3, 1: objects[0] > threshold, 3: objects[1] > threshold}
    expected = [[index for index, claimed in claims.items() if claimed[pixel]] for pixel in range(5)]
    found = producer.labels(image())[0].tolist()
    assert found == [one[0] if len(one) == 1 else 255 for one in expected]
    assert found == by_hand


def test_scores_of_salient_masks_are_saliency_times_the_share_of_the_maximum_of_all_maps(image):
    producer = SalientMasks("fusion", 0.5)
    assert_scores(producer.scores(image()), [1 - SALIENCY, SALIENCY * FALLING / 2, SALIENCY * RISING])
    assert_scores(producer.scores(image(tagged=False)), [1 - SALIENCY])


@pytest.mark.parametrize(("maps", "by_hand"), [("d1", [1, 1, 1, 0, 0]), ("fusion", [1, 1, 3, 0, 0])])
def test_salient_masks_have_the_best_scored_class_where_the_background_score_is_low(image, maps, by_hand):
    producer = SalientMasks(maps, 0.5)
    background, *objects = producer.scores(image())[:, 0]
    found = producer.labels(image())[0]
    assert ((found > 0) == (background <= 1 - 0.5)).all()
    assert (found[found > 0] == np.array([1, 3])[np.argmax(objects, 0)][found > 0]).all()
    assert found.tolist() == by_hand
