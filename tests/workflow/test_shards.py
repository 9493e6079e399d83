"""Another number of shards: the same content, and nothing again that is there."""

import shutil
from pathlib import Path

import pytest

from tests.equality import differences

from .conftest import ONE_THREAD_EACH, TINY, Project

pytestmark = pytest.mark.slow
TWO = ("--config", "shards=2")


def copy_without_shards(run: Project, folder: Path, stages: tuple[str, ...]) -> Project:
    """Copy a finished run to `folder`, without the shards of some stages and what was made of them."""
    shutil.copytree(run.folder, folder)
    for stage in stages:
        shutil.rmtree(folder / "results/tiny" / stage)
    return Project(folder)


def test_another_number_of_shards_runs_nothing_that_is_there(tiny_run):
    assert tiny_run.planned(*TWO, overlays=TINY) == {"write_config", "write_readme"}  # which have the key in them


@pytest.mark.parametrize("stages", [("saliency", "cams"), ("predictions", "crf")])
def test_two_shards_hold_what_one_holds(tiny_run, tmp_path, stages):
    sharded = copy_without_shards(tiny_run, tmp_path / "two", stages)
    result = sharded.snakemake(*stages, "--set-threads", *ONE_THREAD_EACH, *TWO, overlays=TINY)
    assert result.returncode == 0, result.stdout + result.stderr
    ours, theirs = (project.folder / "results/tiny" for project in (sharded, tiny_run))
    for stage in stages:
        assert list((ours / stage).rglob("*.1-of-2.*")), "there are two shards"
        assert not list((ours / stage).rglob("*-of-1.*"))
        lists = {path.relative_to(ours / stage) for path in (ours / stage).rglob("*") if path.stem in ("train", "val")}
        assert {path.suffix for path in lists} - {""} == {
            "saliency": {".csv"},
            "cams": {".h5"},
            "predictions": {".csv", ".h5"},
            "crf": {".csv"},
        }[stage]
        # the pictures, the lists of all shards, and through them every image of every shard
        found = [line for line in differences(ours / stage, theirs / stage) if "-of-" not in line]
        assert [line for line in found if not line.startswith("rbd/threshold.json")] == []
