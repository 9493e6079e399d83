"""Tables 3 and 4 as targets: what they add to a finished run, and what is trained on what."""

import json
import re
import shutil
from pathlib import Path

import h5py
import pandas as pd
import pytest
import torch

from .conftest import ONE_THREAD_EACH, TINY, Project, changed

pytestmark = pytest.mark.slow
OVERLAYS = (*TINY, "tables.yaml")


@pytest.fixture(scope="module")
def project(tiny_run, tmp_path_factory) -> Project:
    """A copy of the finished run with both tables made."""
    copy = Project(tmp_path_factory.mktemp("tables") / "project")
    shutil.copytree(tiny_run.folder, copy.folder)
    shutil.copy(Path(__file__).with_name("tables.yaml"), copy.folder)
    result = copy.snakemake("table3", "table4", "--set-threads", *ONE_THREAD_EACH, overlays=OVERLAYS)
    assert result.returncode == 0, result.stdout + result.stderr
    assert not re.search(
        "rule (draw_synthetic|link_data|compute_saliency):", result.stdout + result.stderr
    )  # are there
    return copy


@pytest.fixture(scope="module")
def results(project) -> Path:
    return project.folder / "results" / "tiny"


def test_human_masks_are_of_training_images_and_with_so_many_of_all_of_val(results):
    strong = set(pd.read_csv(results / "data/strong/8.csv")["id"])
    train, val = (set(pd.read_csv(results / f"data/{split}.csv")["id"]) for split in ("train", "val"))
    assert len(strong & train) == 4 and strong - train == val
    for setting, count in {"semi8-fusion": 8, "weak-fusion": 0}.items():
        weights = torch.load(results / f"segmenter/mdc/seed0/{setting}/weights.pt", weights_only=True)
        assert json.loads(weights["settings"])["strong"] == count


def test_the_other_classifier_has_another_grid(results):
    strides = []
    for classifier in ("mdc", "coarse"):
        with h5py.File(results / f"cams/{classifier}/seed0/main/train.0-of-1.h5") as file:
            strides.append((file.attrs["stride"], next(iter(file.values()))["maps"].shape[2:]))
    assert strides == [(4, (17, 17)), (16, (5, 5))]  # 64 px: 4 * 16 + 1 and 16 * 4 + 1


def test_rows_of_both_tables(results):
    def rows(name: str) -> list[tuple]:
        table = pd.read_csv(results / f"scores/{name}.csv", dtype=str, keep_default_na=False)
        means = table[table["class"] == "mIoU"]
        assert set(means["seeds"]) == {"0"} and set(means["paper"]) == {""}
        return list(zip(means["classifier"], means["setting"], means["split"], means["crf"], strict=True))

    assert rows("table3") == [
        (classifier, setting, split, crf)
        for classifier, setting in (("mdc", "weak-fusion"), ("coarse", "weak-d3"))
        for split in ("val", "test")
        for crf in ("false", "true")
    ]
    assert rows("table4") == [("mdc", "semi8-fusion", "test", crf) for crf in ("false", "true")]


def test_a_number_of_the_table_is_that_of_its_confusion_matrix(results):
    confusion = pd.read_csv(results / "scores/coarse/seed0/test/weak-d3-crf.confusion.csv", index_col=0)
    hits = pd.Series({name: confusion.loc[name, name] for name in confusion.index})
    union = confusion.sum(axis=1) + confusion.drop(columns="unlabelled").sum() - hits
    expected = (100 * hits / union[union > 0]).mean()
    table = pd.read_csv(results / "scores/table3.csv")
    row = table[
        (table["classifier"] == "coarse") & (table["split"] == "test") & table["crf"] & (table["class"] == "mIoU")
    ]
    assert row["ours"].item() == pytest.approx(expected, abs=0.01)
    assert f"| coarse | weak-d3 | test | true | {expected:.1f} |" in (results / "scores/table3.md").read_text()


def test_the_papers_numbers_rerun_what_prints_them_and_nothing_else_is_left_to_do(project):
    resources = project.folder / "workflow/resources"
    with (
        changed(resources / "paper_table2.csv", "65.7,67.6", "65.8,67.6"),
        changed(resources / "paper_table3.csv", "87.0,76.1", "87.1,76.1"),
    ):
        planned = project.planned("table3", "table4", overlays=OVERLAYS)
    assert planned == {"table3", "table4", "tabulate_paper"}  # table 2 is in what table 4 prints
