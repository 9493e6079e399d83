"""An engineer's own photos: any format, tags in a table, no masks at all."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from .conftest import ONE_THREAD_EACH, TINY, Project, copy_project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Project:
    """A project beside a folder of photos that are not like VOC's: rotated, grey, in folders, one without tags."""
    project = copy_project(tmp_path_factory.mktemp("own"))
    rng = np.random.default_rng(0)
    folder = project.folder / "my photos"
    rows = []
    for index in range(9):
        place = folder / ("a b" if index % 2 else "c")
        place.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(rng.integers(0, 255, (60 + index, 80, 3), np.uint8))
        exif = Image.Exif()
        exif[0x0112] = 6 if index == 0 else 1  # rotated by a quarter turn
        name = f"{index // 2}.jpg"  # the same stems in both folders
        (image.convert("L") if index == 1 else image).save(place / name, exif=exif)
        rows.append((f"{place.name}/{name}", "" if index == 2 else "cat;dog" if index % 3 else "dog"))
    pd.DataFrame(rows, columns=["image", "tags"]).to_csv(folder / "tags.csv", index=False)
    return project


OWN = ["run=own", "data={source: folder, root: my photos, classes: [cat, dog], val_share: 0.3}"]
OWN += ["segmenter={settings: [weak-fusion]}"]
SHORT = "{training: {epochs: 1}, augmentation: {crop_px: 65}}"  # of the trainings of config/own.yaml


def test_photos_with_tags_become_masks_and_evaluation_is_skipped(photos):
    config = [*OWN[:2], "device=cpu", f"classifier={SHORT}", f"segmenter={SHORT}"]
    result = photos.snakemake("--set-threads", *ONE_THREAD_EACH, "--config", *config, overlays=["config/own.yaml"])
    assert result.returncode == 0, result.stdout + result.stderr
    results = photos.folder / "results" / "own"
    assert not (photos.folder / "data").exists()  # nothing was downloaded
    assert [path.name for path in (results / "features").rglob("*.h5")] == ["train.0-of-1.h5"]  # both networks share it
    assert len(pd.read_csv(results / "scores/summary.csv")) == 0
    assert "no segmenter could be scored" in (results / "scores/segmenters.md").read_text()
    train = pd.read_csv(results / "data/train.csv", keep_default_na=False)
    val = pd.read_csv(results / "data/val.csv", keep_default_na=False)
    assert len(train) + len(val) == 9 and len(val) >= 1
    rotated = pd.concat([train, val]).set_index("id").loc["c/0"]
    assert (rotated["height"], rotated["width"]) == (80, 60)  # the file's 60 x 80 pixels, turned as a viewer shows them
    for row in val.itertuples():
        mask = Image.open(results / f"predictions/mdc/seed0/weak-fusion/val/{row.id}.png")
        assert mask.size == (row.width, row.height)
    assert (results / "report/mdc/seed0/val/weak-fusion-crf.png").is_file()
    untagged = [row for row in train.itertuples() if not row.tags]
    for row in untagged:
        assert set(np.unique(Image.open(results / f"masks/mdc/seed0/fusion/train/{row.id}.png"))) == {0}


def test_true_masks_are_refused_where_photos_have_none(photos):
    config = ["run=wrong", OWN[1], "segmenter={settings: [true-masks]}"]
    result = photos.snakemake("segmenter", "--config", *config, overlays=TINY)
    assert result.returncode == 1
    assert "segmenter.settings contains true-masks, but" in result.stdout + result.stderr
    assert not (photos.folder / "results" / "wrong" / "classifier").exists()
