"""The encoder VGG: VGG16's convolutions and weights, what its pooling does, and its variant for the segmenter."""

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.vgg import cfgs, make_layers

from mdc.networks.encoder import Encoder
from mdc.networks.encoders.vgg import Keys
from tests.unit.networks.slim_networks import slim_encoder
from tests.voc_archives import vgg16_state

STAGES = ("classifier", "segmenter")


def slim(stage: str, **settings) -> Encoder:
    return Keys(**slim_encoder(**settings)).build(stage)


def passing_on(encoder: Encoder) -> Encoder:
    """Make every convolution the mean over channels of its centre tap, so that only pooling acts."""
    for conv in encoder.modules():
        if isinstance(conv, nn.Conv2d):
            nn.init.zeros_(conv.weight)
            conv.weight.data[:, :, 1, 1] = 1 / conv.in_channels
    return encoder


# What an impulse of 1 at pixel (stride * i, stride * j) becomes along row i, from feature j - 5 to j + 5, when the
# convolutions pass on what they get. A pool with stride leaves it at j; each kept pool of stride 1 widens it by one
# feature to both sides, and the average pool after pool5 takes the mean of three.
ONE = [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]
POOL4 = [0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0]
POOL3_AND_4 = [0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0]
POOL4_AND_5_AND_MEAN = [0, 0, 1 / 3, 2 / 3, 1, 1, 1, 2 / 3, 1 / 3, 0, 0]
POOL3_TO_5_AND_MEAN = [0, 1 / 3, 2 / 3, 1, 1, 1, 1, 1, 2 / 3, 1 / 3, 0]


@pytest.mark.parametrize(
    ("output_stride", "keep", "stage", "expected"),
    [
        (4, False, "classifier", ONE),
        (8, False, "classifier", ONE),
        (16, False, "classifier", ONE),
        (4, True, "classifier", POOL3_AND_4),
        (8, True, "classifier", POOL4),
        (16, True, "classifier", ONE),
        (4, False, "segmenter", ONE),
        (8, False, "segmenter", ONE),
        (16, False, "segmenter", ONE),
        (4, True, "segmenter", POOL3_TO_5_AND_MEAN),
        (8, True, "segmenter", POOL4_AND_5_AND_MEAN),
        (16, True, "segmenter", POOL4_AND_5_AND_MEAN),
    ],
)
def test_an_impulse_at_a_grid_pixel_is_centred_on_its_feature(output_stride, keep, stage, expected):
    encoder = slim(stage, output_stride=output_stride, keep_stride1_pools=keep)
    stride = encoder.grid.stride
    image = torch.zeros(1, 3, 12 * stride + 1, 12 * stride + 1)
    image[:, :, 6 * stride, 7 * stride] = 1
    with torch.no_grad():
        response = passing_on(encoder)(image)[0, 0]
    np.testing.assert_allclose(response[6, 2:13].numpy(), expected, atol=1e-6)
    np.testing.assert_allclose(response[1:12, 7].numpy(), expected, atol=1e-6)


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return vgg16_state()


@pytest.fixture(scope="module")
def features(state) -> nn.Sequential:
    """Return torchvision's `vgg16().features` with the convolutions of `state`."""
    layers = make_layers(cfgs["D"], batch_norm=False)
    layers.load_state_dict({n.removeprefix("features."): t for n, t in state.items() if n.startswith("features.")})
    return layers


@pytest.mark.parametrize("stage", STAGES)
def test_parameters_are_exactly_those_of_vgg16s_features_by_default(features, stage):
    encoder = Keys().build(stage)
    assert [p.shape for p in encoder.parameters()] == [p.shape for p in features.parameters()]
    assert len(list(encoder.parameters())) == 26  # 13 convolutions, weight and bias
    assert sum(p.numel() for p in encoder.parameters()) == 14_714_688


@pytest.mark.parametrize("stage", STAGES)
def test_pretrained_weights_give_torchvisions_convolution_stack(features, state, stage, tmp_path):
    torch.save(state, tmp_path / "vgg16.pth")
    found = Keys().read_pretrained(tmp_path / "vgg16.pth", with_fully_connected=stage == "segmenter")
    encoder = Keys().build(stage)
    encoder.layers.load_state_dict(dict(found.state))
    assert bool(found.fully_connected) == (stage == "segmenter")
    reference, pools = [], 0
    for number, layer in enumerate(features):
        if isinstance(layer, nn.MaxPool2d):
            pools += 1
            if pools < 5 or stage == "segmenter":
                reference.append(nn.MaxPool2d(3, stride=2 if pools <= 3 else 1, padding=1))
        elif isinstance(layer, nn.Conv2d) and number >= 24 and stage == "segmenter":
            wide = nn.Conv2d(512, 512, 3, padding=2, dilation=2)
            wide.load_state_dict(layer.state_dict())
            reference.append(wide)
        else:
            reference.append(nn.ReLU() if isinstance(layer, nn.ReLU) else layer)
    reference += [nn.AvgPool2d(3, stride=1, padding=1)] if stage == "segmenter" else []
    image = torch.randn(1, 3, 33, 41, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected, given = nn.Sequential(*reference)(image), encoder(image)
    assert expected.abs().max() > 1e-4  # not all cut by the rectifiers
    assert given.shape == (1, 512, 5, 6)
    torch.testing.assert_close(given, expected)


def test_last_stage_is_dilated_as_asked_and_the_segmenters_by_2():
    for conv5, stage, expected in [(1, "classifier", 1), (4, "classifier", 4), (4, "segmenter", 2)]:
        encoder = slim(stage, conv5_dilation=conv5)
        dilations = [conv.dilation[0] for conv in encoder.modules() if isinstance(conv, nn.Conv2d)]
        assert dilations == [1, 1, 1, 1, expected]


def test_an_encoder_can_start_from_one_of_the_same_layers_whatever_its_stride_and_pooling():
    slim_keys = Keys(widths=[8] * 5)
    assert slim_keys.can_start_from(Keys(widths=[8] * 5, output_stride=16, keep_stride1_pools=False, weights="a.pth"))
    assert not any(slim_keys.can_start_from(other) for other in (Keys(), Keys(widths=[8] * 5, norm="batch")))
