"""Maps of another model: all that is missing or unusable is named, and computed where the user says so."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mdc.data.manifest import read_manifest
from mdc.runtime.errors import InputError
from mdc.saliency.computed import write_saliency
from mdc.saliency.external import check_folder, check_maps_exist, maps_of_images
from mdc.saliency.maps import read_saliency
from mdc.saliency.rbd import rbd
from tests.unit.saliency.saliency_maps import make_unusable_maps


@pytest.fixture
def photos(write_split, noise) -> Path:
    """Return the manifest of three photos, one of them in a folder."""
    return write_split("train", {id: (noise(n, 40, 50), "cat", None) for n, id in enumerate(("a", "b/1", "c"))})


def grey_map(folder: Path, id: str, *, value: int, height: int = 40, channels: int = 1) -> None:
    (folder / id).parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / f"{id}.png"), np.full((height, 50, channels), value, np.uint8))


def check(tmp_path: Path, csv: Path, *, by_rbd: bool) -> list[str]:
    missing = tmp_path / "missing.csv"
    check_maps_exist(folder=tmp_path / "maps", split_csvs=[csv], missing_csv=missing, by_rbd=by_rbd)
    return list(pd.read_csv(missing, dtype=str)["id"])


def test_missing_maps_are_counted_and_named_with_the_keys_that_help(photos, tmp_path):
    grey_map(tmp_path / "maps", "b/1", value=9)
    with pytest.raises(InputError) as error:
        check(tmp_path, photos, by_rbd=False)
    assert str(error.value).splitlines() == [
        f"saliency.folder: 2 of 3 images have no map in {tmp_path}/maps, all listed in {tmp_path}/missing_maps.txt: "
        "make these maps, or set saliency.missing to rbd (computed here for these images), or saliency.source to rbd "
        "or none; the first are",
        f"  {tmp_path}/maps/a.png",
        f"  {tmp_path}/maps/c.png",
    ]
    assert (tmp_path / "missing_maps.txt").read_text() == "a\nc\n"
    assert not (tmp_path / "missing.csv").exists()


def test_missing_maps_are_computed_where_asked_and_all_come_in_the_order_of_the_images(photos, tmp_path):
    grey_map(tmp_path / "maps", "b/1", value=51, channels=3)  # as U-2-Net's own script writes them
    assert check(tmp_path, photos, by_rbd=True) == ["a", "c"]
    table = read_manifest(photos)
    rows = maps_of_images(
        table,
        external_folder=tmp_path / "maps",
        by_rbd=True,
        computed_folder=tmp_path / "computed",
        processes=1,
    )
    assert list(rows["id"]) == ["a", "b/1", "c"]
    folders = ("computed", "maps", "computed")
    assert list(rows["path"]) == [
        str(tmp_path / folder / f"{id}.png") for id, folder in zip(rows["id"], folders, strict=True)
    ]
    np.testing.assert_allclose(read_saliency(Path(rows["path"][1])), 0.2, atol=1e-6)  # 51 of 255
    image = cv2.cvtColor(cv2.imread(table["image"][0]), cv2.COLOR_BGR2RGB)
    assert np.abs(read_saliency(Path(rows["path"][0])) - rbd(image)).max() <= 0.5 / 255 + 1e-6


def test_maps_written_here_pass_the_check(photos, tmp_path):
    table = read_manifest(photos)
    images = list(zip(table["id"], map(Path, table["image"]), strict=True))
    written = write_saliency(images, folder=tmp_path / "maps", processes=1)
    assert check_folder(tmp_path / "maps", table, reduced_folder=tmp_path, processes=1).equals(written)


def test_a_folder_check_lists_every_problem_at_once(tmp_path, write_split):
    bad = make_unusable_maps(tmp_path)
    cv2.imwrite(str(tmp_path / "good.png"), np.zeros((4, 6), np.uint8))
    cv2.imwrite(str(tmp_path / "turned.png"), np.zeros((6, 4), np.uint8))
    with pytest.raises(InputError) as caught:
        images = {image_id: (np.zeros((4, 6, 3), np.uint8), "", None) for image_id in [*bad, "good", "turned"]}
        table = read_manifest(write_split("train", images))
        check_folder(tmp_path, table, reduced_folder=tmp_path / "reduced", processes=1)
    headline, *problems = str(caught.value).splitlines()
    assert "6 of 7" in headline and "saliency.source" in headline and "rbd" in headline and "none" in headline
    assert len(problems) == 6
    for image_id, problem in zip([*bad, "turned"], problems, strict=True):
        assert f"{image_id}.png" in problem
    assert "4 x 6, its photo 6 x 4 pixels: width and height are swapped" in problems[-1]
    assert not (tmp_path / "reduced").exists()


def test_maps_of_the_photos_own_size_are_reduced_as_the_photos_are(tmp_path, write_split):
    images = dict.fromkeys(("own", "reduced"), (np.zeros((1, 3, 3), np.uint8), "", None))
    own_truths = dict.fromkeys(images, np.zeros((2, 6), np.uint8))
    table = read_manifest(write_split("train", images, own_truths=own_truths))
    (tmp_path / "maps").mkdir()
    grey = np.array([[0, 100, 255, 255, 0, 0], [20, 80, 255, 255, 0, 0]], np.uint8)
    Image.fromarray(np.repeat(grey[..., None], 3, axis=2)).save(tmp_path / "maps/OWN.PNG")  # as U-2-Net's script does
    cv2.imwrite(str(tmp_path / "maps/reduced.png"), np.array([[50, 255, 0]], np.uint8))
    found = check_folder(tmp_path / "maps", table, reduced_folder=tmp_path / "reduced", processes=1)
    assert list(found["path"]) == [str(tmp_path / "reduced/own.png"), str(tmp_path / "maps/reduced.png")]
    for path in found["path"]:
        np.testing.assert_allclose(read_saliency(Path(path), size=(1, 3)), [[50 / 255, 1, 0]], atol=1e-6)
    (tmp_path / "maps/OWN.PNG").unlink()
    cv2.imwrite(str(tmp_path / "maps/own.png"), np.zeros((2, 5), np.uint8))
    with pytest.raises(
        InputError, match=r"the map is 5 x 2, its photo 6 x 2 pixels, reduced to 3 x 1: make it again at"
    ):
        check_folder(tmp_path / "maps", table, reduced_folder=tmp_path / "reduced", processes=1)
