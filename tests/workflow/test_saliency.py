"""Maps of saliency from a folder beside those computed here, where a variant takes the folder."""

import re
import shutil

import pandas as pd
import pytest

from .conftest import TINY, copy_project

pytestmark = pytest.mark.slow
VARIANT = """
saliency: {folder: maps, missing: rbd}
variants:
  theirs: {saliency: {source: folder}}
masks: {variants: [fusion@theirs]}
"""


def test_a_variants_folder_is_completed_by_rbd_and_makes_no_map_of_rbd_again(tmp_path):
    project = copy_project(tmp_path)
    result = project.snakemake("saliency", overlays=TINY)
    assert result.returncode == 0, result.stdout + result.stderr
    computed = tmp_path / "results/tiny/saliency/rbd/train/train_000003.png"
    (tmp_path / "maps").mkdir()
    shutil.copy(computed, tmp_path / "maps")
    (tmp_path / "variant.yaml").write_text(VARIANT)
    result = project.snakemake("saliency", overlays=(*TINY, "variant.yaml"))
    output = result.stdout + result.stderr
    assert result.returncode == 0, output
    made = re.findall(r"^ +output: (\S+)$", output, flags=re.M)
    assert "results/tiny/saliency/folder/train.0-of-1.csv" in made
    assert not [path for path in made if "/rbd/" in path]
    maps = pd.read_csv(tmp_path / "results/tiny/saliency/folder/train.csv", index_col="id")["path"]
    folders = maps.map(lambda path: path.rsplit("/", 1)[0])
    assert folders.pop("train_000003") == "maps"
    assert set(folders) == {"results/tiny/saliency/folder/train"} and len(folders) == 11
