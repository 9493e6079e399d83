"""Comparing results folders: every kind of difference is found and named, and what is no result is passed over."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from mdc.cams.files import Cams, CamsInfo, create_cams
from mdc.data.mask_files import write_mask
from mdc.networks.checkpoints import save_network
from mdc.networks.grid import Grid
from mdc.networks.multi_dilation import ClassifierDescription
from tests.equality import differences

CLASSES = ["cat", "dog"]


def write_cams(path, *, ids=("a", "b"), value=1.0):
    info = CamsInfo(grid=Grid(8), dilations=[1], classes=CLASSES, weights_hash="0123")
    with create_cams(path, info, config={}) as writer:
        for image_id in ids:
            maps, logits = np.array([[[[0, value, 5.0]]]]), np.array([[0.0, 1.0]])
            cams = Cams(id=image_id, maps=maps, class_ids=np.array([2]), logits=logits, height=8, width=24)
            writer.add(cams.item())


def write_weights(path, *, weight=0.5, settings=None):
    network = nn.Linear(2, 1)
    with torch.no_grad():
        network.weight.fill_(weight)
        network.bias.fill_(0.0)
    description = ClassifierDescription(
        classes=CLASSES, encoder={"name": "vgg"}, dilations=[1], block_width=8, block_norm="none", head="shared"
    )
    save_network(path, network, description, settings=settings or {"seed": 0})


@pytest.fixture
def runs(tmp_path):
    """Two folders with the same small results."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    (ours / "scores").mkdir(parents=True)
    (ours / "scores/summary.csv").write_text("setting,miou\nweak,0.5\n")
    (ours / "saliency").mkdir()
    Image.fromarray(np.array([[0, 255], [7, 8]], np.uint8)).save(ours / "saliency/x.png")
    write_mask(ours / "masks/x.png", np.array([[0, 1], [255, 2]], np.uint8))
    write_cams(ours / "cams/train.h5")
    write_weights(ours / "classifier/weights.pt")
    shutil.copytree(ours, theirs)
    return ours, theirs


def test_copies_are_equal(runs):
    assert differences(*runs) == []


def test_a_file_of_one_folder_only_is_named(runs):
    ours, theirs = runs
    (theirs / "cams/.train.h5.tmp").write_bytes(b"")  # left by a kill
    (theirs / "scores/summary.csv").unlink()
    assert differences(ours, theirs) == [
        "cams/.train.h5.tmp: is missing in the first folder",
        "scores/summary.csv: is missing in the second folder",
    ]


@pytest.mark.parametrize(
    ("path", "write", "change", "expected"),
    [
        ("cams/train.h5", write_cams, {"value": 1.001}, "/a/maps: 1 of 3 values differ"),  # the next float16
        ("cams/train.h5", write_cams, {"ids": ["b", "a"]}, "/ has a where the other has b"),
        ("classifier/weights.pt", write_weights, {"weight": 0.5 + 2**-24}, "tensor weight: 2 of 2 values differ"),
        ("classifier/weights.pt", write_weights, {"settings": {"seed": 1}}, "seed of the settings is 0 and 1"),
    ],
)
def test_the_last_bit_the_order_and_a_setting_are_compared(runs, path, write, change, expected):
    ours, theirs = runs
    write(theirs / path, **change)
    assert differences(ours, theirs) == [f"{path}: {expected}"]
