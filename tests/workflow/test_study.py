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
STEP_JOBS = ("dump_cams/mdc/seed0/main", "fuse_masks/mdc/seed0/fusion", "compute_saliency/rbd")


@pytest.fixture(scope="module")
def study(tiny_run, tmp_path_factory) -> Project:
    """A copy of the finished run with everything that the study adds to it."""
    project = Project(tmp_path_factory.mktemp("study") / "project")
    shutil.copytree(tiny_run.folder, project.folder)
    shutil.copy(Path(__file__).with_name("study.yaml"), project.folder)
    for targets in (("scores", "study_measures"), ("study_tables", "study_steps")):
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


def miou_of_true_classes(scores: Path, name: str) -> float:
    pixels = pd.read_csv(scores / f"{name}.confusion.csv", index_col="truth").to_numpy()
    hits, true = np.diag(pixels), pixels.sum(1) > 0
    return 100 * (hits[true] / (pixels.sum(1) + pixels[:, :-1].sum(0) - hits)[true]).mean()


def test_the_tables_are_those_of_the_run(study, results):
    summary = pd.read_csv(results / "scores/summary.csv", dtype={"crf": str})
    table = pd.read_csv(study.folder / "results/study/results.csv", dtype={"crf": str})
    assert len(table) == len(summary) == len(table.drop_duplicates(["split", "setting", "crf"]))
    for row in table.itertuples():
        name = row.setting + ("-crf" if row.crf == "true" else "")
        assert row.miou == pytest.approx(
            miou_of_true_classes(results / f"scores/mdc/seed0/{row.split}", name), abs=1e-3
        )
    claims = pd.read_csv(study.folder / "results/study/differences.csv")
    assert {"online term from the start over none", "maps over saliency alone, one threshold"} <= set(claims["claim"])
    text = (study.folder / "results/study/study.md").read_text()
    assert "## tiny: 1 seed, 12 training images" in text
    response = pd.read_csv(study.folder / "results/study/response.csv")
    assert set(response["region"]) == {"distractor", "background"}


def test_the_page_on_steps_is_of_the_run(study, results):
    steps = pd.read_csv(study.folder / "results/study/steps.csv").set_index(["first", "stage"])
    without, ours = (
        miou_of_true_classes(results / "scores/mdc/seed0/val", name)
        for name in ("weak-fusion@no-online-crf", "weak-fusion-crf")
    )
    row = steps.loc[("fusion@no-online", "segmenter + CRF")]
    assert [row["miou"], row["difference"]] == pytest.approx([without, without - ours], abs=1e-3)
    jobs = [results / f"benchmarks/{name}/train.0-of-1.tsv" for name in STEP_JOBS]
    seconds = sum(pd.read_csv(path, sep="\t")["s"].iloc[0] for path in jobs)
    costs = pd.read_csv(study.folder / "results/study/steps_costs.csv").set_index("masks")["seconds"]
    assert costs.to_list() == pytest.approx(2 * [seconds / 12], abs=1e-3)  # 12 training images; the same masks
    assert "![Photo, true mask" in (study.folder / "results/study/steps.md").read_text()
    with Image.open(study.folder / "results/study/steps.png") as figure:
        assert figure.height > figure.width  # eight images below each other, three pictures each


def test_the_study_runs_again_for_nothing(study):
    assert study.planned("scores", "study_measures", "study_tables", "study_steps", overlays=OVERLAYS) == set()
