"""The classifier's network: parallel blocks, their maps and their predictions (paper 3.2)."""

import numpy as np
import pytest
import torch
from torch import nn

from mdc.networks.layers import Standardise
from mdc.networks.multi_dilation import build_classifier

DILATIONS = [1, 3, 6, 9]


def network(slim_backbone, *, head="per_block", dilations=DILATIONS, norm="none"):
    torch.manual_seed(0)
    built = build_classifier(
        backbone=slim_backbone | {"norm": norm},
        conv5_dilation=1,
        dilations=dilations,
        classes=3,
        block_width=16,
        head=head,
    ).eval()
    for part in built.heads:
        nn.init.normal_(part.bias)  # so that a test notices where it is left out
    return built


def photo(height=41, width=57):
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("head", ["per_block", "shared"])
def test_mean_of_a_map_is_its_logit_less_the_bias_for_every_block_and_class(slim_backbone, head):
    model = network(slim_backbone, head=head)
    with torch.no_grad():
        maps, logits = model.maps_and_logits(photo())
        assert maps.shape == (2, 4, 3, 6, 8)
        torch.testing.assert_close(logits, model(photo()))
        for block in range(4):
            bias = model.heads[block if head == "per_block" else 0].bias
            torch.testing.assert_close(maps[:, block].mean((2, 3)), logits[:, block] - bias, atol=1e-6, rtol=1e-4)
    assert logits.std(1).min() > 0  # blocks differ


def test_a_map_is_the_weighted_sum_of_its_blocks_activations(slim_backbone):
    model = network(slim_backbone)
    with torch.no_grad():
        maps, _ = model.maps_and_logits(photo())
        activations = model.blocks[2](model.trunk(photo()))
    by_hand = sum(model.heads[2].weight[1, k] * activations[:, k] for k in range(16))
    torch.testing.assert_close(maps[:, 2, 1], by_hand.detach(), atol=1e-6, rtol=1e-4)


def test_blocks_reach_as_far_as_their_dilation(slim_backbone):
    model = network(slim_backbone)
    features = torch.zeros(1, 8, 21, 21, requires_grad=True)
    for block, dilation in zip(model.blocks, DILATIONS, strict=True):
        (seen,) = torch.autograd.grad(block[0](features)[0, :, 10, 10].sum(), features)
        rows = np.flatnonzero(seen.abs().sum((0, 1, 3)).numpy())
        assert rows.tolist() == [10 - dilation, 10, 10 + dilation]


def test_one_head_per_block_or_one_for_all(slim_backbone):
    assert len(network(slim_backbone).heads) == 4
    shared = network(slim_backbone, head="shared")
    assert len(shared.heads) == 1
    # 4 blocks of 8 * 16 * 9 weights and 16 biases, one head of 16 * 3 weights and 3 biases
    assert sum(p.numel() for p in shared.new_parameters()) == 4 * (8 * 16 * 9 + 16) + 16 * 3 + 3


@pytest.mark.parametrize("head", ["per_block", "shared"])
def test_gradient_reaches_every_block_and_the_trunk(slim_backbone, head):
    model = network(slim_backbone, head=head)
    nn.functional.binary_cross_entropy_with_logits(model(photo()), torch.ones(2, 4, 3)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


def test_new_parameters_are_those_of_blocks_and_heads(slim_backbone):
    model = network(slim_backbone)
    new = model.new_parameters()
    assert {name.split(".")[0] for name, p in model.named_parameters() if p in new} == {"blocks", "heads"}
    assert {name.split(".")[0] for name, p in model.named_parameters() if p not in new} == {"trunk"}


def test_new_layers_start_from_a_normal_of_spread_01_with_biases_0(slim_backbone):
    torch.manual_seed(0)
    model = build_classifier(
        backbone=slim_backbone, conv5_dilation=1, dilations=[1], classes=20, block_width=512, head="per_block"
    )
    for layer in (model.blocks[0][0], model.heads[0]):
        assert layer.weight.std().item() == pytest.approx(0.01, rel=0.03)
        assert not layer.bias.any()


def test_standardising_takes_the_mean_colour_to_0_and_one_spread_more_to_1():
    standardise = Standardise((0.5, 0.2, 0.1), (0.25, 0.5, 0.1))
    images = torch.tensor([127.5, 51, 25.5]).view(1, 3, 1, 1), torch.tensor([191.25, 178.5, 51]).view(1, 3, 1, 1)
    torch.testing.assert_close(standardise(images[0]), torch.zeros(1, 3, 1, 1))
    torch.testing.assert_close(standardise(images[1]), torch.ones(1, 3, 1, 1))
