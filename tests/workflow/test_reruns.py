"""Any stage reruns only when what it depends on changed: dry runs after a finished small run."""

import os
import shutil
import time
from pathlib import Path

import pytest

from .conftest import TINY, Project, changed

pytestmark = pytest.mark.slow

NETWORKS = {"train_classifier", "dump_cams"}


def library(run: Project, module: str) -> Path:
    return run.folder / "workflow" / "mdc" / module


def test_touched_files_comments_docstrings_and_formatting_rerun_nothing(tiny_run):
    """With the configuration kept in the run, which repeats it."""
    results = tiny_run.folder / "results" / "tiny"
    touched = [*(tiny_run.folder / "workflow").rglob("*.py"), *(tiny_run.folder / "workflow").rglob("*.smk")]
    touched += [results / "data" / "train.csv", results / "classifier/mdc/seed0/weights.pt"]
    touched += list((results / "cams").rglob("*.h5"))
    assert len(touched) > 60
    times, later = {path: path.stat() for path in touched}, time.time() + 100
    optimisation = library(tiny_run, "training/optimisation.py")
    with (
        changed(library(tiny_run, "masks/fusion.py"), '"""Return one map per class', '"""Give one map per class'),
        changed(optimisation, "def lr_factor(step", "# a comment\ndef lr_factor(  step"),
        changed(tiny_run.folder / "workflow/scripts/fuse_masks.py", '"""Fuse', '"""Melt'),
        changed(tiny_run.folder / "config/config.yaml", "# Images per", "# Photos per"),
    ):
        for path in touched:
            os.utime(path, (later, later))
        planned = tiny_run.planned(overlays=("results/tiny/config.yaml",))
    for path, stat in times.items():
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert planned == set()


def test_the_threshold_reruns_no_network_before_the_masks_and_no_sweep(tiny_run):
    with changed(tiny_run.folder / "tiny.yaml", "masks:", "masks:\n  threshold: 0.4"):
        planned = tiny_run.planned(overlays=TINY)
    assert {"fuse_masks", "train_segmenter", "predict_scores", "apply_crf", "tabulate_scores"} <= planned
    assert not planned & {*NETWORKS, "compute_saliency", "sweep_threshold", "fuse_salient_masks"}


def test_a_crf_parameter_reruns_the_crf_and_its_scores_only(tiny_run):
    with changed(tiny_run.folder / "tiny.yaml", "iterations: 2", "iterations: 3"):
        planned = tiny_run.planned(overlays=TINY)
    assert {"apply_crf", "score_masks", "tabulate_scores"} <= planned
    assert not planned & {*NETWORKS, "fuse_masks", "train_segmenter", "predict_scores"}


def test_another_setting_trains_that_segmenter_only(tiny_run):
    with changed(tiny_run.folder / "tiny.yaml", "[weak-fusion, ", "[weak-d3, weak-fusion, "):
        result = tiny_run.snakemake("--dry-run", overlays=TINY)
    assert result.stdout.count("rule train_segmenter:") == 1
    # all maps have been scored as pseudo masks already, so what is new is its contact sheet's on val
    assert result.stdout.count("rule fuse_masks:") == 1
    assert "output: results/tiny/masks/mdc/seed0/d3/val.0-of-1.csv" in result.stdout


def test_settings_that_are_not_used_rerun_nothing_and_the_papers_numbers_what_stands_beside_them(tiny_run):
    overlay = tiny_run.folder / "tiny.yaml"
    with (
        changed(overlay, "masks:", "masks:\n  background_below: 0.2"),  # used without saliency only
        changed(overlay, "encoder:", "encoder:\n  weights: nowhere.pth\n  weights_input: caffe_bgr"),  # init is random
        changed(overlay, "run: tiny", "run: tiny\ndevice: auto"),
        changed(tiny_run.folder / "workflow/resources/paper_table3.csv", "87.0,76.1", "87.1,76.1"),
    ):
        planned = tiny_run.planned(overlays=TINY)
    assert planned - {"write_config", "write_readme"} == {"plot_classes"}


def test_a_changed_pseudo_mask_is_seen_although_the_list_of_images_stays_the_same(tiny_run):
    table = tiny_run.folder / "results/tiny/masks/mdc/seed0/fusion/train.csv"
    backup = table.with_name("backup")
    shutil.copy2(table, backup)
    text = table.read_text()
    digest = text.splitlines()[1].rsplit(",", 1)[1]
    table.write_text(text.replace(digest, "0" * 16))
    later = time.time() + 100
    os.utime(table, (later, later))
    try:
        planned = tiny_run.planned(overlays=TINY)
    finally:
        shutil.move(backup, table)
    assert "train_segmenter" in planned
    assert not planned & {*NETWORKS, "fuse_masks"}


def test_code_reruns_what_reaches_it_and_what_follows_unless_the_edit_is_said_to_be_harmless(tiny_run, tmp_path):
    """Which rules reach which module is in tests/unit/runtime/test_fingerprint.py."""
    shutil.copytree(tiny_run.folder, tmp_path / "edited")
    edited = Project(tmp_path / "edited")
    with changed(library(edited, "masks/fusion.py"), "maps.mean(0)", "maps.mean(axis=0)"):
        planned = edited.planned(overlays=TINY)
        assert {"fuse_masks", "train_segmenter", "predict_scores", "apply_crf", "score_masks"} <= planned
        assert not planned & {*NETWORKS, "draw_synthetic", "link_data", "compute_saliency"}
        result = edited.snakemake("--touch", overlays=TINY)  # the command in the README
        assert result.returncode == 0, result.stdout + result.stderr
        assert edited.planned(overlays=TINY) == set()
