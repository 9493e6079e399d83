"""Saliency maps from elsewhere, added to a finished run: of a network, and of a folder that a variant takes."""

import re
import shutil

import pandas as pd
import pytest

from mdc.data.images import read_image
from mdc.data.manifest import read_manifest
from mdc.saliency.maps import read_saliency
from mdc.storage.image_tables import read_table
from tests.unit.saliency.networks import write_network

from .conftest import TINY

pytestmark = pytest.mark.slow
OVERLAY = """
saliency: {source: onnx, model: mine.onnx, scaling: {mean: [0, 0, 0], std: [1, 1, 1]}, folder: maps, missing: rbd}
variants:
  theirs: {saliency: {source: folder}}
masks: {variants: [fusion@theirs]}
"""


@pytest.fixture(scope="module")
def output(tiny_run) -> str:
    """What Snakemake says where a network makes the maps, and a variant takes those of a folder that has one."""
    folder = tiny_run.folder
    write_network(folder / "mine.onnx", shape=(1, 3, 32, 32))
    (folder / "maps").mkdir()
    shutil.copy(folder / "results/tiny/saliency/rbd/train/train_000003.png", folder / "maps")
    (folder / "theirs.yaml").write_text(OVERLAY)
    result = tiny_run.snakemake("saliency", "--config", "shards=2", overlays=(*TINY, "theirs.yaml"))
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def test_a_salient_object_network_makes_the_maps_of_every_shard_after_it_is_checked(tiny_run, output):
    rules = re.findall(r"^(?:local)?rule (\w+):$", output, flags=re.M)
    assert (rules.count("check_saliency_network"), rules.count("run_saliency_network")) == (1, 4)
    assert "download_saliency_network" not in rules
    maps = read_table([tiny_run.folder / "results/tiny/saliency/onnx/train.csv"])
    photo = read_manifest(tiny_run.folder / "results/tiny/data/train.csv").set_index("id")["image"]
    for image_id, path in maps.items():
        found, shown = read_saliency(tiny_run.folder / path), read_image(tiny_run.folder / photo[image_id])
        assert found.shape == shown.shape[:2]
        assert abs(found.mean() - shown.mean() / 255) < 0.01  # resized to 32 px and back


def test_a_variants_folder_is_completed_by_rbd_and_makes_no_map_of_rbd_again(tiny_run, output):
    made = re.findall(r"^ +output: (\S+?),?(?: .*)?$", output, flags=re.M)
    assert "results/tiny/saliency/folder/train.0-of-2.csv" in made
    assert not [path for path in made if "/rbd/" in path]
    maps = pd.read_csv(tiny_run.folder / "results/tiny/saliency/folder/train.csv", index_col="id")["path"]
    folders = maps.map(lambda path: path.rsplit("/", 1)[0])
    assert folders.pop("train_000003") == "maps"
    assert set(folders) == {"results/tiny/saliency/folder/train"} and len(folders) == 11
