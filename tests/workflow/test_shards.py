"""Another number of shards: the same content, and nothing again that is there."""

import shutil

import pytest

from tests.equality import differences

from .conftest import ONE_THREAD_EACH, TINY, Project

pytestmark = pytest.mark.slow
TWO = ("--config", "shards=2")


def test_another_number_of_shards_runs_nothing_that_is_there(tiny_run):
    assert tiny_run.planned(*TWO, overlays=TINY) == {"write_config", "write_readme"}  # which have the key in them


def test_two_shards_hold_what_one_holds(tiny_run, tmp_path):
    """On the validation images, of whose saliency and maps nothing else that is asked for is made."""
    folder = tmp_path / "two"
    shutil.copytree(tiny_run.folder, folder)
    stages = {
        "saliency": {".csv", ".png"},
        "cams": {".h5"},
        "predictions": {".csv", ".h5", ".png"},
        "crf": {".csv", ".png"},
    }
    removed = [path for stage in stages for path in (folder / "results/tiny" / stage).rglob("val*") if path.is_file()]
    assert len(removed) > 20
    for path in removed:
        path.unlink()
    result = Project(folder).snakemake(*stages, "--set-threads", *ONE_THREAD_EACH, *TWO, overlays=TINY)
    assert result.returncode == 0, result.stdout + result.stderr
    for stage, kinds in stages.items():
        ours, theirs = folder / "results/tiny" / stage, tiny_run.folder / "results/tiny" / stage
        made = [path for path in ours.rglob("val*") if path.is_file()]
        assert [path for path in made if "1-of-2" in path.name], "there are two shards"
        assert not [path for path in made if "-of-1." in path.name]
        assert {path.suffix for path in made} == kinds
        # the pictures, the lists of all shards, and through them every image of every shard
        assert [line for line in differences(ours, theirs) if "-of-" not in line] == []
