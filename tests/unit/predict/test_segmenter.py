"""A trained segmenter on new photos: masks, areas and what is refused."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from mdc.crf import Parameters, apply_crf, refine, softmax
from mdc.data.labels import PALETTE
from mdc.data.manifest import write_manifest
from mdc.data.mask_files import read_mask, write_mask
from mdc.data.metrics import confusion
from mdc.data.tagged_folder import link_folder
from mdc.networks.checkpoints import save_network
from mdc.networks.grid import Grid
from mdc.predict.photos import list_photos
from mdc.predict.segmenter import Segmenter, areas, legend, predict_photos
from mdc.predictions.inference import predict_scores
from mdc.scores.compare import score_masks
from mdc.scores.tables import read_confusion
from mdc.storage.image_tables import read_table
from tests.unit.data.photo_folders import settings
from tests.unit.networks.slim_networks import slim_segmenter
from tests.unit.predict.bright_photos import CLASSES, EDGE, mask, photo, save

CRF = {
    "iterations": 10,
    "gaussian_weight": 3,
    "gaussian_sxy": 1,
    "bilateral_weight": 10,
    "bilateral_sxy": 30,
    "bilateral_srgb": 13,
    "min_probability": 0.05,
}


def noisy_segmenter(*, max_side_px: int) -> Segmenter:
    """Return a segmenter with random weights, whose masks of noise have several classes."""
    torch.manual_seed(1)
    network = slim_segmenter().build()
    network.score.weight.data.mul_(100)
    return Segmenter(network, classes=CLASSES, max_side_px=max_side_px)


@pytest.fixture
def weights(tmp_path):
    """Return weights.pt of a segmenter that calls bright photos cats."""
    return save(tmp_path / "weights.pt")


@pytest.mark.parametrize("size", [(33, 33), (30, 27), (9, 64), (1, 21)])
def test_images_of_any_size_are_padded_to_the_grid(weights, size):
    np.testing.assert_array_equal(Segmenter.load(weights)(photo(*size)), mask(*size))


def test_masks_of_files_are_turned_as_a_viewer_shows_the_photo(weights, tmp_path):
    exif = Image.Exif()
    exif[274] = 6  # a viewer turns it a quarter clockwise
    Image.fromarray(np.rot90(photo(33, 49)).copy()).convert("L").save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(Segmenter.load(weights)(tmp_path / "a.png"), mask(33, 49))


def test_large_photos_are_reduced_for_the_network_and_masks_enlarged(tmp_path):
    segmenter = Segmenter.load(save(tmp_path / "weights.pt", max_side_px=33))
    large = photo(33, 33).repeat(2, 0).repeat(2, 1)
    assert segmenter.scores(large).shape == (3, 5, 5)
    np.testing.assert_array_equal(segmenter(large), mask(33, 33).repeat(2, 0).repeat(2, 1))


def test_the_crf_is_that_of_the_crf_stage(weights):
    image = photo(33, 33)
    plain, refined = Segmenter.load(weights), Segmenter.load(weights, crf=CRF)
    probabilities = softmax(Grid(8).upsample(plain.scores(image), height=33, width=33))
    np.testing.assert_array_equal(refined(image), refine(image, probabilities, Parameters(**CRF)))
    # it moves the outline to where the photo changes
    np.testing.assert_array_equal(refined(image), np.broadcast_to(np.arange(33) >= EDGE, (33, 33)))


@pytest.mark.parametrize("crf", [None, CRF])
def test_predicted_masks_are_those_that_are_scored(tmp_path, noise, crf):
    photos, masks_csv = tmp_path / "photos", tmp_path / "masks.csv"
    rows = "image,tags,mask,split\n"
    for name, size, orientation in (
        ("small.png", (40, 50), 1),
        ("large.jpg", (61, 90), 1),
        ("turned.jpg", (90, 61), 6),
    ):
        exif = Image.Exif()
        exif[274] = orientation
        write_mask(photos / "masks" / f"{name}.png", noise(1, *(size if orientation == 1 else size[::-1]))[..., 0] % 3)
        Image.fromarray(noise(len(name), *size)).save(photos / name, exif=exif)
        rows += f"{name},cat;dog,masks/{name}.png,val\n"
    Image.fromarray(noise(9, 20, 20)).save(photos / "x.png")
    (photos / "tags.csv").write_text(f"{rows}x.png,cat,,train\n")
    linked = link_folder(photos, photos / "tags.csv", **settings(tmp_path, max_side_px=53))
    write_manifest(linked.tables["val"], tmp_path / "val.csv")
    network = noisy_segmenter(max_side_px=53).network
    save_network(tmp_path / "w.pt", network, slim_segmenter(classes=["cat", "dog"], max_side_px=53), settings={})
    stage = {"split_csv": tmp_path / "val.csv", "masks_csv": masks_csv, "scores_h5": tmp_path / "s.h5"}
    predict_scores(
        **stage, weights_pt=tmp_path / "w.pt", folder=tmp_path / "m", shard=0, shards=1, device="cpu", threads=1
    )
    if crf:
        apply_crf(**stage, folder=tmp_path / "m", parameters=crf, processes=1)
    segmenter = Segmenter.load(tmp_path / "w.pt", device="cpu", crf=crf)
    expected = np.zeros((3, 4), np.int64)
    for image_id, path in read_table([masks_csv]).items():
        (file,) = photos.glob(f"{image_id}.*")
        predicted = segmenter(file)
        np.testing.assert_array_equal(read_mask(path), predicted)
        expected += confusion(read_mask(photos / "masks" / f"{file.name}.png"), predicted, classes=2)
    files = {f"{name}_csv": tmp_path / f"{name}.csv" for name in ("confusion", "images", "pixels")}
    score_masks(**files, split_csv=tmp_path / "val.csv", masks_csv=masks_csv, classes=["cat", "dog"], processes=1)
    assert (expected > 300).sum() >= 6 and expected.sum() == 40 * 50 + 2 * 61 * 90
    np.testing.assert_array_equal(read_confusion(tmp_path / "confusion.csv"), expected)


def test_areas_and_legend_by_hand():
    found = areas(np.array([[0, 0, 1], [0, 3, 3]], np.uint8), classes=4)
    assert found == [(3, 50), (1, pytest.approx(100 / 6)), (0, 0), (2, pytest.approx(100 / 3))]
    assert legend(found, ["background", "a", "b", "c"]) == [(1, "a 16.7 %"), (3, "c 33.3 %")]
    assert legend([(9999, 99.99), (1, 0.01)], ["background", "a"]) == [(1, "a < 0.1 %")]
    assert legend([(9, 100), (0, 0)], ["background", "a"]) == [(0, "nothing but background")]


def test_a_folder_becomes_masks_overlays_and_areas(weights, tmp_path):
    folder, out = tmp_path / "photos", tmp_path / "out"
    (folder / "b c").mkdir(parents=True)
    Image.fromarray(photo(33, 33)).save(folder / "a.png")
    Image.fromarray(photo(30, 24)).save(folder / "b c" / "a.jpg", quality=100)
    Image.new("L", (10, 20)).save(folder / "NA.bmp")
    list_photos(root=folder, besides=tmp_path / "none", photos_csv=tmp_path / "photos.csv", processes=1)
    predict_photos(
        photos_csv=tmp_path / "photos.csv",
        weights_pt=weights,
        areas_csv=out / "areas.csv",
        masks=out / "masks",
        overlays=out / "overlays",
        crf=None,
        device="cpu",
        processes=2,
    )
    np.testing.assert_array_equal(read_mask(out / "masks/a.png"), mask(33, 33))
    np.testing.assert_array_equal(read_mask(out / "masks/b c/a.png"), mask(30, 24))
    with Image.open(out / "masks/a.png") as picture:
        assert picture.mode == "P" and picture.getpalette()[3:6] == PALETTE[1].tolist()
    table = pd.read_csv(out / "areas.csv", na_filter=False)
    assert table.values.tolist() == [
        ["NA", "background", 200, 100.0],
        ["NA", "cat", 0, 0.0],
        ["NA", "dog", 0, 0.0],
        ["a", "background", 12 * 33, 36.3636],
        ["a", "cat", 21 * 33, 63.6364],
        ["a", "dog", 0, 0.0],
        ["b c/a", "background", 12 * 30, 50.0],
        ["b c/a", "cat", 12 * 30, 50.0],
        ["b c/a", "dog", 0, 0.0],
    ]
    assert list(table.columns) == ["id", "class", "pixels", "percent"]
    names = sorted(path.relative_to(out / "overlays").as_posix() for path in (out / "overlays").rglob("*.*"))
    assert names == ["NA.jpg", "a.jpg", "b c/a.jpg"]
