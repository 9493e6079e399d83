"""Another number of shards: the same content, and nothing again that is there."""

import shutil
from pathlib import Path

import pytest

from tests.equality import differences

from .conftest import ONE_THREAD_EACH, TINY, Project

pytestmark = pytest.mark.slow
THREE = ("--config", "shards=3")


def copy_without_shards(run: Project, folder: Path, stages: tuple[str, ...]) -> Project:
    """Copy a finished run to `folder`, without the shards of some stages and what was made of them."""
    shutil.copytree(run.folder, folder)
    for stage in stages:
        shutil.rmtree(folder / "results/tiny" / stage)
    return Project(folder)


def test_another_number_of_shards_runs_nothing_that_is_there(tiny_run):
    assert tiny_run.planned(*THREE, overlays=TINY) == {"write_config", "write_readme"}  # which have the key in them


@pytest.mark.parametrize("stages", [("saliency", "cams"), ("predictions", "crf")])
def test_three_shards_hold_what_one_holds(tiny_run, tmp_path, stages):
    sharded = copy_without_shards(tiny_run, tmp_path / "three", stages)
    result = sharded.snakemake(*stages, "--set-threads", *ONE_THREAD_EACH, *THREE, overlays=TINY)
    assert result.returncode == 0, result.stdout + result.stderr
    ours, theirs = (project.folder / "results/tiny" for project in (sharded, tiny_run))
    for stage in stages:
        assert list((ours / stage).rglob("*.2-of-3.*")), "there are three shards"
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
    removed = next(path for path in (ours / stages[0]).rglob("*.1-of-3.*"))
    removed.unlink()
    planned = sharded.snakemake(stages[0], "--dry-run", *THREE, overlays=TINY).stdout
    assert planned.count(f"output: {removed.relative_to(sharded.folder)}") == 1  # made again, and no other one is
    assert planned.count("-of-3.log") == 1
    other = sharded.snakemake(stages[0], "--dry-run", overlays=TINY)  # shards: 1
    files = removed.relative_to(sharded.folder).with_suffix("").as_posix().replace(".1-of-3", ".*-of-3.*")
    said = (
        f"{files}: 2 of 3 shards are finished, so 3 are made, not 1 as the key shards says: remove these files to use"
    )
    assert other.stderr.count(said) == 1
