"""The paper's workflow from nothing: VOC 2012, SBD and VGG16 in miniature, downloaded from a server on the loopback.

The overlay says where the server is, what the files' hashes are, and makes networks' views and lists small.
"""

import hashlib
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image

from mdc.data.labels import CLASSES
from mdc.data.manifest import read_manifest
from mdc.data.mask_files import read_mask
from mdc.networks.checkpoints import read_checkpoint
from mdc.networks.largefov import SegmenterDescription
from mdc.networks.multi_dilation import ClassifierDescription
from tests import voc_archives as made
from tests.file_server import FileServer, closed_port, cut, page, whole

from .conftest import ONE_THREAD_EACH, Project, copy_project

pytestmark = pytest.mark.slow
TARGETS = ("scores", "masks", "submission")
TRAINING = {"batch_size": 2, "epochs": 1}
SMALL = {
    "run": "small",
    "device": "cpu",
    "data": {"expected_images": made.EXPECTED_IMAGES},
    "classifier": {
        "networks": {"mdc": [1]},
        "block_width": 16,
        "augmentation": {"crop_px": 33, "resize_long_side_px": [40, 60]},
        "training": TRAINING,
    },
    "masks": {"sweep_thresholds": [0.3]},
    "segmenter": {"settings": ["weak-d1"], "augmentation": {"crop_px": 33}, "training": TRAINING},
    "crf": {"iterations": 1},
    "report": {"sheet_images": 1},
}


@dataclass
class Host:
    """The server, what it serves, and the overlay that points to it."""

    server: FileServer
    files: dict[str, bytes]

    def overlay(self, project: Project, **changes) -> tuple[str, ...]:
        """Write the overlay into a project, with changes of whole sections; return its name as Snakemake takes it."""
        downloads = {
            "rounds": 1,
            "timeout_seconds": 5,
            "voc": {
                "urls": [closed_port(), self.server.url("/voc-login"), self.server.url("/voc.tar")],
                "hash": "md5:" + hashlib.md5(self.files["voc.tar"]).hexdigest(),
                "archive_mb": 1,
                "unpacked_mb": 1,
            },
            "sbd": {
                "urls": [self.server.url("/sbd.tgz")],
                "hash": "sha256:" + hashlib.sha256(self.files["sbd.tgz"]).hexdigest(),
                "archive_mb": 1,
                "unpacked_mb": 1,
            },
            "weights": {
                "IMAGENET1K_V1": {
                    "urls": [self.server.url("/vgg16.pth")],
                    "hash": "sha256:" + hashlib.sha256(self.files["vgg16.pth"]).hexdigest()[:8],
                }
            },
        }
        overlay = SMALL | {"downloads": downloads} | changes
        (project.folder / "small.yaml").write_text(yaml.safe_dump(overlay))
        return ("small.yaml",)


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    folder = tmp_path_factory.mktemp("host")
    made.write_tar(folder / "voc.tar", made.voc_files())
    made.write_tar(folder / "sbd.tgz", made.sbd_files(), mode="w:gz")
    made.write_tar(folder / "VOC2012test.tar", made.voc_test_files())
    torch.save(made.vgg16_state(), folder / "vgg16.pth")
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    server = FileServer()
    server.serve("/voc-login", b"", page())
    # every file breaks off once; SBD's server cannot continue
    server.serve("/voc.tar", files["voc.tar"], cut(40_000), whole())
    server.serve("/sbd.tgz", files["sbd.tgz"], cut(20_000, ranges=False), whole(ranges=False))
    server.serve("/vgg16.pth", files["vgg16.pth"], cut(30_000_000), whole())
    yield Host(server, files)
    server.close()


@pytest.fixture(scope="module")
def paper(host, tmp_path_factory) -> Project:
    """A copy of the project in which the paper's workflow has run once, test images included."""
    project = copy_project(tmp_path_factory.mktemp("paper"))
    (project.folder / "VOC2012test.tar").write_bytes(host.files["VOC2012test.tar"])
    data = SMALL["data"] | {"voc_test_archive": "VOC2012test.tar"}
    submission = {"results": ["mdc/weak-d1-crf"]}
    overlay = host.overlay(project, data=data, predictions={"splits": ["val", "test"]}, submission=submission)
    result = project.snakemake(*TARGETS, "--set-threads", *ONE_THREAD_EACH, overlays=overlay)
    assert result.returncode == 0, result.stdout + result.stderr
    return project


def test_downloads_are_whole_and_beside_nothing_half(paper, host):
    data = paper.folder / "data"
    assert (data / "VOCtrainval_11-May-2012.tar").read_bytes() == host.files["voc.tar"]
    assert (data / "benchmark.tgz").read_bytes() == host.files["sbd.tgz"]
    assert (data / "weights/vgg/IMAGENET1K_V1.pth").read_bytes() == host.files["vgg16.pth"]
    names = {"voc", "voc_test", "sbd", "weights", "logs", "benchmarks", "VOCtrainval_11-May-2012.tar", "benchmark.tgz"}
    assert {path.name for path in data.iterdir()} == names
    assert {path.name for path in (data / "weights/vgg").iterdir()} == {"IMAGENET1K_V1.pth", "IMAGENET1K_V1.ready.txt"}
    assert files_in(data / "voc") == made.voc_files()
    assert files_in(data / "voc_test") == made.voc_test_files()
    log = (data / "logs/download_voc.log").read_text()
    assert "could not be reached (Connection refused)" in log and "sent a web page instead of the file" in log
    assert [asked for path, asked in host.server.requests if path == "/vgg16.pth"] == [None, "bytes=30000000-"]


def files_in(folder: Path) -> dict[str, bytes]:
    """Return the files of an unpacked folder, without what the workflow notes there."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: content for name, content in files.items() if name not in ("ready.txt", "archive.txt")}


def test_the_training_list_is_derived_and_val_is_apart(paper):
    data = paper.folder / "results/small/data"
    tables = {split: read_manifest(data / f"{split}.csv") for split in ("train", "val", "test")}
    assert tuple(tables["train"]["id"]) == made.TRAINAUG
    assert tuple(tables["val"]["id"]) == tuple(sorted(made.VAL))
    assert tuple(tables["test"]["id"]) == made.TEST
    masks = tables["train"].set_index("id")["mask"]
    assert masks["2008_000008"] == "data/voc/VOCdevkit/VOC2012/SegmentationClass/2008_000008.png"
    assert masks["2008_000002"] == "results/small/data/sbd_masks/2008_000002.png"
    differences = pd.read_csv(data / "tag_differences.csv", keep_default_na=False)
    assert list(differences["id"]) == ["2008_000003", "2008_000008"]


def test_both_networks_started_from_vgg16(paper):
    results = paper.folder / "results/small"
    expected = {
        "classifier": {"encoder": 26, "unused": 6, "new": 4},  # a block and its head
        "segmenter": {"encoder": 26, "fully connected": 4, "unused": 2, "new": 2},  # the scores
    }
    for stage, uses in expected.items():
        assert pd.read_csv(results / stage / "mdc/weights_checked.csv")["use"].value_counts().to_dict() == uses
    start = made.vgg16_state()
    classifier, _ = read_checkpoint(results / "classifier/mdc/seed0/weights.pt", ClassifierDescription)
    segmenter, _ = read_checkpoint(results / "segmenter/mdc/seed0/weak-d1/weights.pt", SegmenterDescription)
    trained = classifier["encoder.layers.conv4_2.weight"]
    # three steps with a learning rate of .001 move it, and not far
    assert 0 < (trained - start["features.19.weight"]).abs().max() < 0.05
    fc6 = segmenter["fc6.weight"]
    assert fc6[1000, 500, 2, 2].item() == pytest.approx(made.FC_UNIT * (4000 + 24500 + 42 + 6), rel=0.01)


def test_val_is_scored_and_test_is_predicted(paper):
    results = paper.folder / "results/small"
    summary = pd.read_csv(results / "scores/summary.csv")
    assert set(summary["split"]) == {"train", "val"}  # test images have no masks
    assert set(summary["images"][summary["split"] == "train"]) == {6}
    assert set(summary["images"][summary["split"] == "val"]) == {2}
    for id in made.TEST:
        picture = Image.open(results / f"crf/mdc/seed0/weak-d1/test/{id}.png")
        assert picture.mode == "P" and picture.size == made.size_of(id)[::-1]
    pixels = np.concatenate([
        read_mask(paper.folder / path).ravel() for path in read_manifest(results / "data/val.csv")["mask"]
    ])  # fmt: skip
    share = (pixels == 0).sum() / (pixels != 255).sum()
    background = summary[(summary["setting"] == "all-background") & (summary["split"] == "val")].iloc[0]
    assert background["miou"] == pytest.approx(share / 3)  # background, aeroplane and train occur
    assert (results / "data/classes.txt").read_text().split() == list(CLASSES)


def test_masks_of_vocs_test_images_are_packed_for_the_server(paper):
    with tarfile.open(paper.folder / "results/small/submission/mdc/seed0/weak-d1-crf.tgz", "r:gz") as tar:
        names = [Path(name) for name in tar.getnames()]
    assert {path.parent for path in names} == {Path("results/VOC2012/Segmentation/comp6_test_cls")}
    assert [path.stem for path in names] == sorted(made.TEST)


def test_nothing_runs_again_with_other_settings_of_the_downloads(paper):
    settings = yaml.safe_load((paper.folder / "small.yaml").read_text())
    settings["downloads"] |= {"rounds": 3, "timeout_seconds": 9, "keep_archives": False}
    settings["downloads"]["voc"]["urls"] = ["http://127.0.0.1:9/other.tar"]
    (paper.folder / "other.yaml").write_text(yaml.safe_dump(settings))
    assert paper.planned(*TARGETS, overlays=("other.yaml",)) == set()


def test_data_that_lies_elsewhere_gives_the_same_tables(paper, host, tmp_path):
    project = copy_project(tmp_path)
    made.write_folder(project.folder / "mine", made.voc_files() | made.sbd_files())
    data = SMALL["data"] | {"voc_root": "mine/VOCdevkit", "sbd_root": "mine/benchmark_RELEASE/dataset"}
    before = sorted(path.name for path in (project.folder / "mine").rglob("*"))
    result = project.snakemake("data", overlays=host.overlay(project, data=data))
    assert result.returncode == 0, result.stdout + result.stderr
    assert not (project.folder / "data").exists()
    assert sorted(path.name for path in (project.folder / "mine").rglob("*")) == before
    for split in ("train", "val"):
        here, there = (read_manifest(p.folder / f"results/small/data/{split}.csv") for p in (project, paper))
        columns = ["id", "tags", "height", "width", "digest"]
        assert here[columns].equals(there[columns])
        assert not [path for path in here["image"] if not path.startswith("mine/VOCdevkit/VOC2012/JPEGImages/")]


def test_missing_saliency_maps_stop_the_run_before_any_training(paper, host, tmp_path):
    (paper.folder / "maps").mkdir()
    for id in made.TRAINAUG[:4]:
        Image.fromarray(np.zeros(made.size_of(id), np.uint8)).save(paper.folder / "maps" / f"{id}.png")
    config = ["saliency={source: folder, folder: maps}", "classifier={training: {epochs: 2}}"]
    result = paper.snakemake("masks", "--config", *config, overlays=("small.yaml",))
    output = result.stdout + result.stderr
    assert result.returncode == 1 and "Traceback" not in output
    assert "saliency.folder: 6 of 10 images have no map in maps" in output
    assert "set saliency.missing to rbd" in output
