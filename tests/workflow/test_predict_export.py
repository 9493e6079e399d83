"""The targets predict and export on a finished run: new photos, and the segmenter as an ONNX file."""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mdc.data.images import read_image
from mdc.data.mask_files import read_mask

from .conftest import PROJECT, TINY

pytestmark = pytest.mark.slow

NETWORK = "mdc/seed0/weak-fusion"
CONFIG = ("--config", "predict={photos: new photos}")


@pytest.fixture(scope="module")
def finished(tiny_run):
    """The finished run after both targets; the new photos are its own validation photos."""
    folder = tiny_run.folder / "new photos"
    for row in pd.read_csv(tiny_run.folder / "results/tiny/data/val.csv").itertuples():
        path = folder / ("a {b}" if row.id.endswith("0") else "") / f"{row.id}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tiny_run.folder / row.image, path)
    (folder / "notes.txt").write_text("no photo")
    result = tiny_run.snakemake("predict", "export", *CONFIG, overlays=TINY)
    assert result.returncode == 0, result.stdout + result.stderr
    return tiny_run


def photos(run) -> dict[str, np.ndarray]:
    folder = run.folder / "new photos"
    paths = sorted(folder.rglob("*.jpg"))
    return {path.relative_to(folder).with_suffix("").as_posix(): read_image(path) for path in paths}


def test_masks_are_those_of_the_crf_stage(finished):
    results = finished.folder / "results/tiny"
    ids = list(photos(finished))
    assert len(ids) == 4 and ids[0].startswith("a {b}/")
    for id in ids:
        expected = read_mask(results / f"crf/{NETWORK}/val/{id.removeprefix('a {b}/')}.png")
        np.testing.assert_array_equal(read_mask(results / f"predict/{NETWORK}/masks/{id}.png"), expected)
        with Image.open(results / f"predict/{NETWORK}/overlays/{id}.jpg") as picture:
            assert picture.width == 640 and picture.height > 640  # the legend is below


def test_the_readmes_examples_in_python_give_the_masks_of_the_predictions_stage(finished, monkeypatch):
    monkeypatch.chdir(finished.folder)
    pages = "".join((PROJECT / page).read_text() for page in ("README.md", "results/README.md"))
    examples = [
        example.replace("results/pets", "results/tiny")
        for example in re.findall(r"```python\n(.*?)```", pages, re.S)
        if "results/pets" in example
    ]
    assert len(examples) == 2  # with weights.pt and with the ONNX file
    for id in photos(finished):
        shutil.copy(f"new photos/{id}.jpg", "photo.jpg")
        direct, onnx = {}, {}
        exec(examples[0], direct)
        exec(examples[1], onnx)
        expected = read_mask(Path(f"results/tiny/predictions/{NETWORK}/val/{id.removeprefix('a {b}/')}.png"))
        np.testing.assert_array_equal(direct["mask"], expected)
        assert (onnx["mask"] == expected).mean() > 0.99  # the stage rounds scores to 16 bits
        assert tuple(onnx["classes"]) == direct["segmenter"].classes
        assert direct["segmenter"].max_side_px == 1024


def test_a_changed_photo_is_predicted_again_and_nothing_else_is_done(finished):
    first, second = sorted((finished.folder / "new photos").glob("*.jpg"))[:2]
    before = first.read_bytes()
    shutil.copy(second, first)
    os.utime(first, (0, 0))  # older than what was made of the other one
    try:
        planned = finished.planned("predict", "export", *CONFIG, overlays=TINY)
    finally:
        first.write_bytes(before)
    assert planned == {"list_photos", "predict_photos", "predict"}
