"""The study in its smallest form: one run with every kind of variant, its measures, and the tables made of it."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from mdc.networks.weight_files import weights_hash

from .conftest import ONE_THREAD_EACH, TINY, Project

pytestmark = pytest.mark.slow
OVERLAYS = (*TINY, "study.yaml")


@pytest.fixture(scope="module")
def study(tiny_run, tmp_path_factory) -> Project:
    """A copy of the finished run with everything that the study adds to it."""
    project = Project(tmp_path_factory.mktemp("study") / "project")
    shutil.copytree(tiny_run.folder, project.folder)
    shutil.copy(Path(__file__).with_name("study.yaml"), project.folder)
    for targets in (("scores", "study_measures"), ("study_tables",)):
        result = project.snakemake(*targets, "--set-threads", *ONE_THREAD_EACH, overlays=OVERLAYS)
        assert result.returncode == 0, result.stdout + result.stderr
    return project


@pytest.fixture(scope="module")
def results(study):
    return study.folder / "results" / "tiny"


def masks_of(study, results, maps: str) -> np.ndarray:
    table = pd.read_csv(results / f"masks/mdc/seed0/{maps}/train.csv")
    return np.stack([np.asarray(Image.open(study.folder / path)) for path in table["path"]])


def truths_of(study, results) -> np.ndarray:
    table = pd.read_csv(results / "data/train.csv")
    return np.stack([np.asarray(Image.open(study.folder / path)) for path in table["mask"]])


def test_the_best_threshold_gives_the_best_score_of_the_sweep(results):
    summary = pd.read_csv(results / "scores/summary.csv").set_index("setting")["miou"]
    sweep = pd.read_csv(results / "masks/mdc/seed0/d1/sweep.csv")
    assert summary["pseudo-d1@best"] == pytest.approx(sweep["miou"].max())
    assert not (results / "masks/mdc/seed0/d1@best/sweep.csv").exists()  # it is the same


def test_with_true_objects_as_saliency_background_is_right(study, results):
    masks, truths = masks_of(study, results, "fusion@true-saliency"), truths_of(study, results)
    assert (masks == 0).any() and not truths[(masks == 0) & (truths != 255)].any()


def test_where_the_object_wins_its_masks_only_grow(study, results):
    ignored, won = masks_of(study, results, "fusion"), masks_of(study, results, "fusion@object-wins")
    assert (won[(ignored != 255)] == ignored[ignored != 255]).all() and (won != ignored).any()


def test_maps_of_the_untrained_network_come_from_its_weights(results):
    states = {
        name: torch.load(results / f"classifier/mdc/seed0/{name}.pt", weights_only=True)["state"]
        for name in ("untrained", "weights")
    }
    folder = results / "cams/mdc/seed0"
    for name, path in (
        ("untrained", folder / "untrained/train.0-of-1.h5"),
        ("weights", folder / "main/train.0-of-1.h5"),
    ):
        with h5py.File(path) as file:
            assert file.attrs["weights_hash"].decode() == weights_hash(states[name])
    assert weights_hash(states["untrained"]) != weights_hash(states["weights"])


def test_a_variant_of_the_training_alone_shares_the_masks_and_ends_elsewhere(results):
    assert not (results / "masks/mdc/seed0/fusion@no-online").exists()
    hashes = {
        name: weights_hash(torch.load(results / f"segmenter/mdc/seed0/{name}/weights.pt", weights_only=True)["state"])
        for name in ("weak-fusion", "weak-fusion@no-online")
    }
    assert len(set(hashes.values())) == 2


def test_the_tables_are_those_of_the_run(study, results):
    summary = pd.read_csv(results / "scores/summary.csv", dtype={"crf": str})
    table = pd.read_csv(study.folder / "results/study/results.csv", dtype={"crf": str})
    assert len(table) == len(summary) == len(table.drop_duplicates(["split", "setting", "crf"]))
    for row in table.itertuples():
        name = row.setting + ("-crf" if row.crf == "true" else "")
        confusion = pd.read_csv(results / f"scores/mdc/seed0/{row.split}/{name}.confusion.csv", index_col="truth")
        pixels = confusion.to_numpy()
        hits, true = np.diag(pixels), pixels.sum(1) > 0
        union = pixels.sum(1) + pixels[:, :-1].sum(0) - hits
        assert row.miou == pytest.approx(100 * (hits[true] / union[true]).mean(), abs=1e-3)
    claims = pd.read_csv(study.folder / "results/study/differences.csv")
    assert {"online term from the start over none", "maps over saliency alone, one threshold"} <= set(claims["claim"])
    text = (study.folder / "results/study/study.md").read_text()
    assert "## tiny: 1 seed, 12 training images" in text
    response = pd.read_csv(study.folder / "results/study/response.csv")
    assert set(response["region"]) == {"distractor", "background"}


def test_the_study_runs_again_for_nothing(study):
    assert study.planned("scores", "study_measures", "study_tables", overlays=OVERLAYS) == set()
