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
VARIANT = """
saliency: {folder: maps, missing: rbd}
variants:
  theirs: {saliency: {source: folder}}
masks: {variants: [fusion@theirs]}
"""


def test_a_salient_object_network_makes_the_maps_of_every_shard_after_it_is_checked(tiny_run):
    write_network(tiny_run.folder / "mine.onnx", shape=(1, 3, 32, 32))
    config = ("shards=2", "saliency={source: onnx, model: mine.onnx, scaling: {mean: [0, 0, 0], std: [1, 1, 1]}}")
    result = tiny_run.snakemake("saliency", "--config", *config, overlays=TINY)
    output = result.stdout + result.stderr
    assert result.returncode == 0, output
    rules = re.findall(r"^(?:local)?rule (\w+):$", output, flags=re.M)
    assert (rules.count("check_saliency_network"), rules.count("run_saliency_network")) == (1, 4)
    assert not {"compute_saliency", "download_saliency_network"} & set(rules)
    maps = read_table([tiny_run.folder / "results/tiny/saliency/onnx/train.csv"])
    photo = read_manifest(tiny_run.folder / "results/tiny/data/train.csv").set_index("id")["image"]
    for image_id, path in maps.items():
        found, shown = read_saliency(tiny_run.folder / path), read_image(tiny_run.folder / photo[image_id])
        assert found.shape == shown.shape[:2]
        assert abs(found.mean() - shown.mean() / 255) < 0.01  # resized to 32 px and back


def test_a_variants_folder_is_completed_by_rbd_and_makes_no_map_of_rbd_again(tiny_run):
    folder = tiny_run.folder
    (folder / "maps").mkdir()
    shutil.copy(folder / "results/tiny/saliency/rbd/train/train_000003.png", folder / "maps")
    (folder / "variant.yaml").write_text(VARIANT)
    result = tiny_run.snakemake("saliency", overlays=(*TINY, "variant.yaml"))
    output = result.stdout + result.stderr
    assert result.returncode == 0, output
    made = re.findall(r"^ +output: (\S+)$", output, flags=re.M)
    assert "results/tiny/saliency/folder/train.0-of-1.csv" in made
    assert not [path for path in made if "/rbd/" in path]
    maps = pd.read_csv(folder / "results/tiny/saliency/folder/train.csv", index_col="id")["path"]
    folders = maps.map(lambda path: path.rsplit("/", 1)[0])
    assert folders.pop("train_000003") == "maps"
    assert set(folders) == {"results/tiny/saliency/folder/train"} and len(folders) == 11
