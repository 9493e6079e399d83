"""DeepLab-LargeFOV: its layers, their starting values and their reach; and the plain head in its place."""

import numpy as np
import pytest
import torch

from mdc.networks.largefov import SegmentationNetwork
from tests.unit.networks.slim_networks import slim_segmenter


def network(**changes) -> SegmentationNetwork:
    torch.manual_seed(0)
    return slim_segmenter(**{"fc6_dilation": 3} | changes).build()


def test_the_papers_layers_have_deeplabs_sizes():
    classes = [f"class{i}" for i in range(20)]
    model = network(classes=classes, encoder={"name": "vgg"}, fc_width=1024, fc6_dilation=12)
    assert (model.fc6.weight.shape, model.fc6.dilation, model.fc6.padding) == ((1024, 512, 3, 3), (12, 12), (12, 12))
    assert (model.fc7.weight.shape, model.score.weight.shape) == ((1024, 1024, 1, 1), (21, 1024, 1, 1))
    # VGG16's convolutions; 512 * 1024 * 9 + 1024; 1024 * 1024 + 1024; 1024 * 21 + 21
    assert sum(p.numel() for p in model.parameters()) == 14_714_688 + 4_719_616 + 1_049_600 + 21_525
    assert model.score.weight.std().item() == pytest.approx(0.01, rel=0.03) and not model.score.bias.any()


def new(model: SegmentationNetwork) -> set[str]:
    return {name for name, parameter in model.named_parameters() if parameter in model.new_parameters()}


def test_fc6_and_fc7_are_new_until_they_get_pretrained_weights():
    model = network(fc_norm="group")
    score, norms = {"score.weight", "score.bias"}, {f"after_fc{n}.0.{k}" for n in (6, 7) for k in ("weight", "bias")}
    assert new(model) == score | norms | {"fc6.weight", "fc7.weight"}
    model = network()
    assert new(model) == score | {f"fc{n}.{kind}" for n in (6, 7) for kind in ("weight", "bias")}
    model.start_fully_connected({"fc6.weight": torch.full((8, 8, 3, 3), 2.0), "fc7.bias": torch.full((8,), 3.0)})
    assert new(model) == score
    assert (model.fc6.weight == 2).all() and (model.fc7.bias == 3).all() and not (model.fc7.weight == 3).any()


def test_fc6_reaches_as_far_as_its_dilation():
    model = network()
    features = torch.zeros(1, 8, 15, 15, requires_grad=True)
    model.fc6(features)[0, :, 7, 7].sum().backward()
    assert np.flatnonzero(features.grad.abs().sum((0, 1, 3)).numpy()).tolist() == [4, 7, 10]


def test_dropout_follows_fc6_and_fc7_in_training_only():
    model = network(dropout=0.5)
    for stage in (model.after_fc6, model.after_fc7):
        torch.manual_seed(0)
        values = stage(torch.ones(1, 8, 50, 50))
        assert set(values.unique().tolist()) == {0.0, 2.0}  # half of them left out, the others doubled
        assert values.mean().item() == pytest.approx(1, abs=0.05)
        assert stage.eval()(torch.ones(1, 8, 5, 5)).unique().tolist() == [1.0]


def test_a_plain_head_is_dropout_and_one_convolution_which_alone_is_new():
    model = network(head="plain", dropout=0.5)
    score = {"score.weight", "score.bias"}
    assert {name for name in model.state_dict() if not name.startswith("encoder.")} == new(model) == score
    assert model.score.weight.std().item() == pytest.approx(0.01, rel=0.3) and not model.score.bias.any()
    with torch.no_grad():
        model.score.weight.copy_(torch.tensor([1 / 8, 1, 0]).view(3, 1, 1, 1).expand(3, 8, 1, 1))
        model.score.bias.copy_(torch.tensor([0, 0, -1.0]))
    features = torch.full((1, 8, 50, 50), 2.5)
    scores = model.eval().from_features(features)  # the mean and the sum of 8 channels
    assert scores.shape == (1, 3, 50, 50) and scores.flatten(2).unique(dim=2).flatten().tolist() == [2.5, 20, -1]
    kept = model.train().from_features(features)[0, 1] / 5  # how many of the 8 dropout left, and doubled
    assert set(kept.unique().tolist()) == set(range(9)) and kept.mean().item() == pytest.approx(4, abs=0.2)
