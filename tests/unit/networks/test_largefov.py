"""DeepLab-LargeFOV: its layers, their starting values and their reach."""

import numpy as np
import pytest
import torch
from tests.voc_archives import VGG16_BACKBONE

from mdc.networks.largefov import build_segmenter


def network(slim_backbone, **settings):
    torch.manual_seed(0)
    fixed = {"classes": 2, "fc_width": 8, "fc6_dilation": 3, "dropout": 0.5}
    return build_segmenter(backbone=slim_backbone, **fixed | settings)


def test_scores_are_one_more_than_the_classes_at_the_trunks_resolution(slim_backbone):
    model = network(slim_backbone).eval()
    assert model(torch.randn(2, 3, 41, 50)).shape == (2, 3, 6, 7)


def test_the_papers_layers_have_deeplabs_sizes():
    model = build_segmenter(backbone=VGG16_BACKBONE, classes=20, fc_width=1024, fc6_dilation=12, dropout=0.5)
    assert (model.fc6.weight.shape, model.fc6.dilation, model.fc6.padding) == ((1024, 512, 3, 3), (12, 12), (12, 12))
    assert (model.fc7.weight.shape, model.score.weight.shape) == ((1024, 1024, 1, 1), (21, 1024, 1, 1))
    # VGG16's convolutions; 512 * 1024 * 9 + 1024; 1024 * 1024 + 1024; 1024 * 21 + 21
    assert sum(p.numel() for p in model.parameters()) == 14_714_688 + 4_719_616 + 1_049_600 + 21_525
    assert {name for name, p in model.named_parameters() if p in model.new_parameters()} == {
        "score.weight",
        "score.bias",
    }
    assert model.score.weight.std().item() == pytest.approx(0.01, rel=0.03) and not model.score.bias.any()


def test_fc6_reaches_as_far_as_its_dilation(slim_backbone):
    model = network(slim_backbone)
    features = torch.zeros(1, 8, 15, 15, requires_grad=True)
    model.fc6(features)[0, :, 7, 7].sum().backward()
    assert np.flatnonzero(features.grad.abs().sum((0, 1, 3)).numpy()).tolist() == [4, 7, 10]


def test_dropout_follows_fc6_and_fc7_in_training_only(slim_backbone):
    model = network(slim_backbone, dropout=0.5)
    for stage in (model.after_fc6, model.after_fc7):
        torch.manual_seed(0)
        values = stage(torch.ones(1, 8, 50, 50))
        assert set(values.unique().tolist()) == {0.0, 2.0}  # half of them left out, the others doubled
        assert values.mean().item() == pytest.approx(1, abs=0.05)
        assert stage.eval()(torch.ones(1, 8, 5, 5)).unique().tolist() == [1.0]


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_normalised_layers_have_no_bias_but_the_scores_do(slim_backbone, norm):
    model = network(slim_backbone | {"norm": norm})
    assert model.fc6.bias is None and model.fc7.bias is None and model.score.bias is not None


def test_gradient_reaches_every_parameter(slim_backbone):
    model = network(slim_backbone, dropout=0.0)
    model(torch.randn(2, 3, 41, 41)).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())
