"""Where the data and the weights that a run starts from are, and what is downloaded of them."""

import pytest

from mdc.config.config import Config
from mdc.config.paths import Weights
from mdc.config.plan import Plan
from tests.voc_archives import sbd_files, write_folder

from .configs import over_the_paper

RANDOM = {"classifier": {"init": "random"}, "segmenter": {"init": "random"}}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def plan(*overlays: dict) -> Plan:
    return Plan(Config.model_validate(over_the_paper(*overlays)))


FILE = "data/weights/vgg/IMAGENET1K_V1"


@pytest.mark.parametrize(
    ("overlay", "classifier", "segmenter", "downloads"),
    [
        ({}, FILE, FILE, True),
        ({"encoder": {"weights": "a.pth"}}, "a.pth", "a.pth", False),
        ({"segmenter": {"encoder": {"weights": "b.pth"}}}, FILE, "b.pth", True),
        ({"classifier": {"init": "file", "weights": "a.pt"}}, "a.pt", FILE, True),
        ({"classifier": {"init": "random"}}, "", FILE, True),
        ({"classifier": {"init": "random"}, "segmenter": {"init": "classifier"}}, "", "", False),
        ({"classifier": {"networks": {"mdc": {"encoder": {"weights": "c.pth"}}}}}, "c.pth", FILE, True),
        ({"cams": {"external_maps": "maps.h5"}}, FILE, FILE, True),  # no classifier is trained
        ({"masks": {"external_masks": "masks"}, "segmenter": {"settings": []}}, FILE, FILE, False),  # nor a segmenter
        ({"downloads": {"folder": "/disk/d/"}}, *2 * ["/disk/d/weights/vgg/IMAGENET1K_V1"], True),
    ],
)
def test_the_weights_that_networks_start_from(overlay, classifier, segmenter, downloads):
    found = plan({"data": {"source": "synthetic"}}, overlay)
    for stage, file in (("classifier", classifier), ("segmenter", segmenter)):
        weights = found.weights(stage, "mdc")
        if "weights/vgg" in file:
            assert (weights.path, weights.watched) == (f"{file}.pth", f"{file}.ready.txt")
            assert weights.hash.startswith("sha256:")
        else:
            assert weights == Weights(path=file, watched=file)
    assert bool(found.downloaded()) is downloads


def test_published_weights_can_have_other_sources():
    published = plan().weights_source("vgg", "IMAGENET1K_FEATURES")
    assert published["hash"] == "sha256:88682ab5" and published["megabytes"] == 554
    for given in ({"urls": ["http://mirror/a"]}, {"hash": "md5:12345678"}):
        found = plan({"downloads": {"weights": {"IMAGENET1K_FEATURES": given}}})
        assert found.weights_source("vgg", "IMAGENET1K_FEATURES") == published | given
        assert found.weights_source("vgg", "IMAGENET1K_V1")["urls"] != given.get("urls")


@pytest.mark.parametrize(
    ("saliency", "begin", "watched", "hash"),
    [
        ({}, "data/saliency/isnet-general-use", "ready.txt", "md5:fc16ebd8b0c10d971d3513d564d01e29"),
        ({"model": "u2netp"}, "data/saliency/u2netp", "ready.txt", "md5:8e83ca70e441ab06c318d82300c84806"),
        (
            {"model": "https://a.org/b.onnx", "model_hash": "sha256:0123456789"},
            *("data/saliency/url-01234567", "ready.txt", "sha256:0123456789"),
        ),
        ({"model": "pyproject.toml"}, "pyproject.toml", "", ""),
    ],
)
def test_the_saliency_network(saliency, begin, watched, hash):
    found = plan({"saliency": {"source": "onnx"} | saliency, "data": {"source": "synthetic"}} | RANDOM)
    network = found.saliency_network()
    expected = (begin,) * 2 if not watched else (f"{begin}.onnx", f"{begin}.{watched}")
    assert (network.path, network.watched, network.hash) == (*expected, hash)
    assert found.downloaded() == ([network.watched] if hash else [])
    assert found.saliency("val") == ["results/paper/saliency/onnx/val.csv"]


@pytest.mark.parametrize(
    ("data", "root", "sbd", "test", "downloaded"),
    [
        ({}, "data/voc", "data/sbd", "data/voc", ["voc", "sbd"]),
        ({"train_list": "train"}, "data/voc", "", "data/voc", ["voc"]),
        ({"voc_root": "mine", "sbd_root": "sbd"}, "mine", "sbd", "mine", []),
        ({"voc_test_archive": "t.tar"}, "data/voc", "data/sbd", "data/voc_test", ["voc", "sbd", "voc_test"]),
        ({"source": "synthetic"}, "results/paper/data/synthetic", "", "results/paper/data/synthetic", []),
        ({"source": "voc_layout", "root": "a/b/"}, "a/b", "", "a/b", []),
        ({"source": "folder", "root": "./photos"}, "photos", "", "photos", []),
    ],
)
def test_where_the_data_is(data, root, sbd, test, downloaded):
    found = plan({"data": data} | RANDOM)
    assert (found.data_root, found.sbd_root, found.test_root) == (root, sbd, test)
    assert found.downloaded() == [f"data/{name}/ready.txt" for name in downloaded]


def test_the_lists_whose_change_means_other_tables_of_images(tmp_path):
    assert plan().data_lists() == ["data/voc/ready.txt"] and plan().sbd_lists() == ["data/sbd/ready.txt"]
    assert plan({"data": {"source": "synthetic"}}).data_lists() == ["results/paper/data/synthetic"]
    write_folder(tmp_path / "sbd", sbd_files())
    dataset = "sbd/benchmark_RELEASE/dataset"
    assert plan({"data": {"sbd_root": "sbd"}}).sbd_lists() == [f"{dataset}/{name}.txt" for name in ("train", "val")]
