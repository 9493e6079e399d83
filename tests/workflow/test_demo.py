"""What a small run of the whole workflow leaves behind, checked against the input it was made from."""

import json
import re

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from .conftest import PROJECT, TINY

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results(tiny_run):
    return tiny_run.folder / "results" / "tiny"


@pytest.fixture(scope="module")
def train(results):
    return pd.read_csv(results / "data/train.csv", keep_default_na=False)


def test_summary_has_every_result_once(results):
    summary = pd.read_csv(results / "scores/summary.csv", dtype={"crf": str})
    assert list(summary.columns[:7]) == ["split", "setting", "crf", "seed", "miou", "pixel_accuracy", "images"]
    maps = ["d1", "d3", "fusion", "mean"]
    expected = {("train", f"pseudo-{kind}{name}", "false") for kind in ("", "salient-") for name in maps}
    expected |= {("train", "all-background", "false"), ("val", "all-background", "false")}
    expected |= {("val", name, crf) for name in ("weak-fusion", "true-masks") for crf in ("true", "false")}
    assert set(zip(summary["split"], summary["setting"], summary["crf"], strict=True)) == expected
    assert len(summary) == len(expected)
    assert set(summary["images"][summary["split"] == "train"]) == {12}
    assert set(summary["images"][summary["split"] == "val"]) == {4}


def test_all_background_is_the_share_of_background_pixels(results, tiny_run):
    summary = pd.read_csv(results / "scores/summary.csv")
    row = summary[(summary["setting"] == "all-background") & (summary["split"] == "val")].iloc[0]
    paths = pd.read_csv(results / "data/val.csv")["mask"]
    pixels = np.concatenate([np.asarray(Image.open(tiny_run.folder / path)).ravel() for path in paths])
    pixels = pixels[pixels != 255]
    share = (pixels == 0).mean()
    assert row["pixel_accuracy"] == pytest.approx(share)
    assert row["miou"] == pytest.approx(share / len(np.unique(pixels)))  # every other class has IoU 0


def test_pseudo_masks_have_only_tagged_classes_and_the_size_of_the_photo(results, train, tiny_run):
    classes = (results / "data/classes.txt").read_text().split()
    table = pd.read_csv(results / "masks/mdc/seed0/fusion/train.csv").set_index("id")
    labels = set()
    for row in train.itertuples():
        picture = Image.open(tiny_run.folder / table.loc[row.id, "path"])
        assert picture.mode == "P" and picture.getpalette()[3:6] == [128, 0, 0]  # VOC's colour of class 1
        assert picture.size == (row.width, row.height)
        found = set(np.unique(picture).tolist())
        assert found <= {0, 255, *(classes.index(tag) + 1 for tag in row.tags.split(";"))}
        labels |= found
    assert len(labels - {0, 255}) >= 1


def test_map_files_open_with_plain_h5py(results, train):
    with h5py.File(results / "cams/mdc/seed0/main/train.0-of-1.h5") as file:
        assert list(file) == list(train["id"])
        assert file.attrs["dilations"].tolist() == [1, 3]
        assert file.attrs["stride"] == 4
        assert json.loads(file.attrs["config"])["network"]["dilations"] == [1, 3]
        for row in train.itertuples():
            group = file[row.id]
            tags = row.tags.split(";")
            assert group["maps"].shape == (2, len(tags), 17, 17)  # 64 px are padded to 65 = 4 * 16 + 1
            assert group["maps"].dtype == np.float16
            assert [file.attrs["classes"][index - 1].decode() for index in group["class_ids"]] == tags
            assert (group.attrs["height"], group.attrs["width"]) == (64, 64)


def test_the_readmes_example_opens_the_maps(tiny_run, train, monkeypatch, capsys):
    monkeypatch.chdir(tiny_run.folder)
    (example,) = re.findall(r"```python\n(import h5py\n.*?)```", (PROJECT / "README.md").read_text(), re.S)
    tagged = next(row.id for row in train.itertuples() if row.tags)
    exec(example.replace("results/demo", "results/tiny").replace("train_000000", tagged))
    assert "dilations" in capsys.readouterr().out


def test_every_figure_of_the_report_is_there(results):
    pictures = {str(path.relative_to(results)) for path in results.rglob("*.png") if "data" not in path.parts}
    for name in (
        "classifier/mdc/seed0/curves.png",
        "segmenter/mdc/seed0/weak-fusion/curves.png",
        "figures/mdc/seed0/figure5.png",
        "figures/mdc/seed0/figure6.png",
        "figures/mdc/seed0/sweep.png",
        "figures/mdc/seed0/val/weak-fusion-crf.confusion.png",
        "figures/mdc/val/weak-fusion-crf.classes.png",
        "report/mdc/seed0/train/pseudo-fusion.png",
        "report/mdc/seed0/val/weak-fusion-crf.png",
    ):
        assert name in pictures
        assert not name.startswith("figures") or (results / name).with_suffix(".pdf").is_file()
    assert "weak-fusion" in (results / "report/segmenters.html").read_text()


def test_the_page_about_the_run_tells_how_to_repeat_it_and_what_it_took(results):
    page = (results / "README.md").read_text()
    command = re.search(r"^snakemake .*", page, flags=re.M)[0]
    assert command.endswith("--cores 2 --configfile config/demo.yaml tiny.yaml")
    jobs = dict(re.findall(r"^\| (\w+) \| (\d+) \|", page, flags=re.M))
    assert (jobs["train_classifier"], jobs["train_segmenter"], jobs["apply_crf"]) == ("1", "2", "2")


def test_nothing_is_left_half_done(results):
    assert not list(results.rglob("*.tmp")) and not list(results.rglob("resume-*.ckpt"))
    for log in (results / "logs").rglob("*.log"):
        assert "defect" not in log.read_text()


def test_masks_can_be_refined_by_the_photo(results, train, tiny_run):
    masks = [results / f"masks/mdc/seed0/{name}/train.csv" for name in ("densecrf-fusion", "pamr-fusion")]
    targets = [str(path.relative_to(tiny_run.folder)) for path in masks]
    config = ("--config", "masks={variants: [densecrf-fusion, pamr-fusion]}")
    result = tiny_run.snakemake(*targets, *config, overlays=TINY)
    assert result.returncode == 0, result.stdout + result.stderr
    for path in masks:
        table = pd.read_csv(path)
        assert list(table["id"]) == list(train["id"])
        for row, picture in zip(train.itertuples(), table["path"], strict=True):
            assert Image.open(tiny_run.folder / picture).size == (row.width, row.height)
