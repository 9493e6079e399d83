"""The classifier's network: parallel blocks, their maps and their predictions (paper 3.2)."""

import numpy as np
import pytest
import torch
from torch import nn

from mdc.networks.multi_dilation import MultiDilationClassifier
from tests.unit.networks.slim_networks import slim_classifier

DILATIONS = [1, 3, 6, 9]


def network(**changes) -> MultiDilationClassifier:
    torch.manual_seed(0)
    fixed = {"classes": ["a", "b", "c"], "dilations": DILATIONS, "block_width": 16}
    built = slim_classifier(**fixed | changes).build().eval()
    for part in built.heads:
        nn.init.normal_(part.bias)  # so that a test notices where it is left out
    return built


def photo(height=41, width=57):
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("head", ["per_block", "shared"])
def test_mean_of_a_map_is_its_logit_less_the_bias_for_every_block_and_class(head):
    model = network(head=head)
    with torch.no_grad():
        maps, logits = model.maps_and_logits(photo())
        assert maps.shape == (2, 4, 3, 6, 8)
        torch.testing.assert_close(logits, model(photo()))
        for block in range(4):
            bias = model.heads[block if head == "per_block" else 0].bias
            torch.testing.assert_close(maps[:, block].mean((2, 3)), logits[:, block] - bias, atol=1e-6, rtol=1e-4)
    assert logits.std(1).min() > 0  # blocks differ


def test_a_map_is_the_weighted_sum_of_its_blocks_activations():
    model = network()
    with torch.no_grad():
        maps, _ = model.maps_and_logits(photo())
        activations = model.blocks[2](model.encoder(photo()))
    by_hand = sum(model.heads[2].weight[1, k] * activations[:, k] for k in range(16))
    torch.testing.assert_close(maps[:, 2, 1], by_hand.detach(), atol=1e-6, rtol=1e-4)


def test_blocks_reach_as_far_as_their_dilation():
    model = network()
    features = torch.zeros(1, 8, 21, 21, requires_grad=True)
    for block, dilation in zip(model.blocks, DILATIONS, strict=True):
        (seen,) = torch.autograd.grad(block[0](features)[0, :, 10, 10].sum(), features)
        rows = np.flatnonzero(seen.abs().sum((0, 1, 3)).numpy())
        assert rows.tolist() == [10 - dilation, 10, 10 + dilation]


def test_one_head_per_block_or_one_for_all():
    assert len(network().heads) == 4
    shared = network(head="shared")
    assert len(shared.heads) == 1
    # 4 blocks of 8 * 16 * 9 weights and 16 biases, one head of 16 * 3 weights and 3 biases
    assert sum(p.numel() for p in shared.new_parameters()) == 4 * (8 * 16 * 9 + 16) + 16 * 3 + 3


@pytest.mark.parametrize("head", ["per_block", "shared"])
def test_gradient_reaches_every_block_and_the_encoder(head):
    model = network(head=head)
    nn.functional.binary_cross_entropy_with_logits(model(photo()), torch.ones(2, 4, 3)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


def test_new_layers_start_from_a_normal_of_spread_01_with_biases_0():
    torch.manual_seed(0)
    model = slim_classifier(classes=[f"c{i}" for i in range(20)], dilations=[1], block_width=512).build()
    for layer in (model.blocks[0][0], model.heads[0]):
        assert layer.weight.std().item() == pytest.approx(0.01, rel=0.03)
        assert not layer.bias.any()
