"""The trunk: VGG16's convolutions, the grid of its features, and its ImageNet weights."""

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.vgg import cfgs, make_layers

from mdc.networks.encoders import build_backbone
from mdc.networks.encoders.vgg import Backbone
from mdc.networks.grid import upsample
from mdc.runtime.errors import InputError
from mdc.training.datasets import padded_to_grid

VGG16 = {
    "widths": (64, 128, 256, 512, 512),
    "depths": (2, 2, 3, 3, 3),
    "norm": "none",
    "output_stride": 8,
    "conv5_dilation": 1,
}


def slim(**settings) -> Backbone:
    fixed = {"widths": [8] * 5, "depths": [1] * 5, "norm": "none", "conv5_dilation": 1}
    return Backbone(**fixed | settings)


def passing_on(trunk: Backbone) -> Backbone:
    """Make every convolution the mean over channels of its centre tap, so that only pooling acts."""
    for conv in trunk.modules():
        if isinstance(conv, nn.Conv2d):
            nn.init.zeros_(conv.weight)
            conv.weight.data[:, :, 1, 1] = 1 / conv.in_channels
    return trunk


@pytest.fixture(scope="module")
def features() -> nn.Sequential:
    """Return torchvision's `vgg16().features` with random weights."""
    torch.manual_seed(0)
    return make_layers(cfgs["D"], batch_norm=False)


@pytest.fixture
def state(features) -> dict:
    return {f"features.{name}": tensor for name, tensor in features.state_dict().items()}


@pytest.mark.parametrize("segmenter", [False, True])
@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize(("output_stride", "strides"), [(4, (4, 4)), (8, (8, 8)), (16, (16, 8))])
def test_sizes_go_n_to_half_of_n_rounded_up(segmenter, keep, output_stride, strides):
    trunk = slim(output_stride=output_stride, keep_stride1_pools=keep, for_segmenter=segmenter)
    stride = strides[segmenter]  # the segmenter's is at most 8
    assert trunk.stride == stride
    for height, width in [(1, 2), (17, 31), (33, 50)]:
        expected = (-(-height // stride), -(-width // stride))
        assert trunk(torch.zeros(1, 3, height, width)).shape == (1, 8, *expected)


@pytest.mark.parametrize(("output_stride", "side"), [(4, 81), (8, 41), (16, 21)])
def test_321_pixels_give_41_features_at_stride_8(output_stride, side):
    trunk = slim(output_stride=output_stride, keep_stride1_pools=True, for_segmenter=False)
    assert trunk(torch.zeros(1, 3, 321, 321)).shape == (1, 8, side, side)


# What an impulse of 1 at pixel (stride * i, stride * j) becomes along row i, from feature j - 5 to j + 5, when the
# convolutions pass on what they get. A pool with stride leaves it at j; each kept pool of stride 1 widens it by one
# feature to both sides, and the average pool after pool5 takes the mean of three.
ONE = [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]
POOL4 = [0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0]
POOL3_AND_4 = [0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0]
POOL4_AND_5_AND_MEAN = [0, 0, 1 / 3, 2 / 3, 1, 1, 1, 2 / 3, 1 / 3, 0, 0]
POOL3_TO_5_AND_MEAN = [0, 1 / 3, 2 / 3, 1, 1, 1, 1, 1, 2 / 3, 1 / 3, 0]


@pytest.mark.parametrize(
    ("output_stride", "keep", "segmenter", "expected"),
    [
        (4, False, False, ONE),
        (8, False, False, ONE),
        (16, False, False, ONE),
        (4, True, False, POOL3_AND_4),
        (8, True, False, POOL4),
        (16, True, False, ONE),
        (4, False, True, ONE),
        (8, False, True, ONE),
        (16, False, True, ONE),
        (4, True, True, POOL3_TO_5_AND_MEAN),
        (8, True, True, POOL4_AND_5_AND_MEAN),
        (16, True, True, POOL4_AND_5_AND_MEAN),
    ],
)
def test_an_impulse_at_a_grid_pixel_is_centred_on_its_feature(output_stride, keep, segmenter, expected):
    trunk = slim(output_stride=output_stride, keep_stride1_pools=keep, for_segmenter=segmenter)
    image = torch.zeros(1, 3, 12 * trunk.stride + 1, 12 * trunk.stride + 1)
    image[:, :, 6 * trunk.stride, 7 * trunk.stride] = 1
    with torch.no_grad():
        response = passing_on(trunk)(image)[0, 0]
    np.testing.assert_allclose(response[6, 2:13].numpy(), expected, atol=1e-6)
    np.testing.assert_allclose(response[1:12, 7].numpy(), expected, atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(65, 65), (60, 75), (50, 58)])
@pytest.mark.parametrize("segmenter", [False, True])
def test_an_impulse_comes_back_at_its_pixel_also_where_the_photo_was_padded(height, width, segmenter):
    trunk = passing_on(slim(output_stride=8, keep_stride1_pools=False, for_segmenter=segmenter))
    for row, column in [(0, 0), (24, 40), (height - 1 - (height - 1) % 8, width - 1 - (width - 1) % 8)]:
        image = torch.zeros(1, 3, height, width)
        image[:, :, row, column] = 1
        with torch.no_grad():
            maps = trunk(padded_to_grid(image, trunk.stride))[0, 0].numpy()
        back = upsample(maps, stride=8, height=height, width=width)
        assert np.unravel_index(back.argmax(), back.shape) == (row, column)
        assert back[row, column] == pytest.approx(1)


@pytest.mark.parametrize("segmenter", [False, True])
def test_convolutions_see_the_same_distance_to_both_sides(segmenter):
    # all weights 1: the gradient of feature (4, 5) counts paths, and is symmetric about pixel (32, 40)
    trunk = slim(output_stride=8, keep_stride1_pools=True, for_segmenter=segmenter).double()
    for module in list(trunk.layers):
        if isinstance(module, nn.Conv2d):
            nn.init.ones_(module.weight)
    trunk.layers = nn.Sequential(  # a mean has the same window as a maximum, and a gradient everywhere in it
        *(nn.AvgPool2d(m.kernel_size, m.stride, m.padding) if isinstance(m, nn.MaxPool2d) else m for m in trunk.layers)
    )
    image = torch.ones(1, 3, 65, 81, dtype=torch.float64, requires_grad=True)
    trunk(image)[0, 0, 4, 5].backward()
    weight = image.grad[0, 0]
    ys, xs = torch.meshgrid(torch.arange(65.0), torch.arange(81.0), indexing="ij")
    centre = (weight * ys).sum() / weight.sum(), (weight * xs).sum() / weight.sum()
    assert (centre[0].item(), centre[1].item()) == pytest.approx((32, 40))


@pytest.mark.parametrize("segmenter", [False, True])
def test_parameters_are_exactly_those_of_vgg16s_features(features, segmenter):
    trunk = Backbone(**VGG16, keep_stride1_pools=True, for_segmenter=segmenter)
    assert [p.shape for p in trunk.parameters()] == [p.shape for p in features.parameters()]
    assert len(list(trunk.parameters())) == 26  # 13 convolutions, weight and bias
    assert sum(p.numel() for p in trunk.parameters()) == 14_714_688


@pytest.mark.parametrize("segmenter", [False, True])
def test_imagenet_weights_give_torchvisions_convolution_stack(features, state, segmenter):
    dilation = 2 if segmenter else 1
    trunk = Backbone(**VGG16 | {"conv5_dilation": dilation}, keep_stride1_pools=True, for_segmenter=segmenter)
    assert sorted(trunk.load_imagenet(state)) == sorted(state)
    reference, pools = [], 0
    for number, layer in enumerate(features):
        if isinstance(layer, nn.MaxPool2d):
            pools += 1
            if pools < 5 or segmenter:
                reference.append(nn.MaxPool2d(3, stride=2 if pools <= 3 else 1, padding=1))
        elif isinstance(layer, nn.Conv2d) and number >= 24 and segmenter:
            wide = nn.Conv2d(512, 512, 3, padding=2, dilation=2)
            wide.load_state_dict(layer.state_dict())
            reference.append(wide)
        else:
            reference.append(nn.ReLU() if isinstance(layer, nn.ReLU) else layer)
    reference += [nn.AvgPool2d(3, stride=1, padding=1)] if segmenter else []
    image = torch.randn(1, 3, 33, 41, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected, found = nn.Sequential(*reference)(image), trunk(image)
    assert expected.abs().max() > 1e-4  # not all cut by the rectifiers
    assert found.shape == (1, 512, 5, 6)
    torch.testing.assert_close(found, expected)


def test_imagenet_weights_that_cannot_be_right_are_refused_with_a_sentence(state):
    trunk = Backbone(**VGG16, keep_stride1_pools=True, for_segmenter=False)
    broken = dict(state)
    broken["features.5.bias"] = torch.full((128,), torch.nan)
    with pytest.raises(InputError, match=r"features\.5\.bias holds values that are not finite"):
        trunk.load_imagenet(broken)
    broken = {name: tensor for name, tensor in state.items() if name != "features.28.weight"}
    with pytest.raises(InputError, match=r"no tensor features\.28\.weight"):
        trunk.load_imagenet(broken)
    with pytest.raises(InputError, match=r"features\.0\.weight is \(64, 1, 3, 3\), expected \(64, 3, 3, 3\)"):
        trunk.load_imagenet(state | {"features.0.weight": torch.zeros(64, 1, 3, 3)})


def test_imagenet_weights_are_refused_for_a_slim_trunk(state):
    with pytest.raises(InputError, match="set classifier.init and segmenter.init to another value"):
        slim(output_stride=8, keep_stride1_pools=True, for_segmenter=False).load_imagenet(state)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("output_stride", [4, 8, 16])
def test_the_segmenters_trunk_takes_the_classifiers_weights(output_stride, keep):
    settings = {"output_stride": output_stride, "keep_stride1_pools": keep, "norm": "batch"}
    classifier, segmenter = slim(**settings, for_segmenter=False), slim(**settings, for_segmenter=True)
    assert classifier.state_dict().keys() == segmenter.state_dict().keys()
    assert "layers.conv5_1.weight" in segmenter.state_dict()


def test_last_stage_is_dilated_as_asked():
    settings = {"output_stride": 8, "keep_stride1_pools": True}
    for conv5, segmenter, expected in [(1, False, 1), (4, False, 4), (2, True, 2)]:
        trunk = slim(**settings | {"conv5_dilation": conv5}, for_segmenter=segmenter)
        dilations = [conv.dilation[0] for conv in trunk.modules() if isinstance(conv, nn.Conv2d)]
        assert dilations == [1, 1, 1, 1, expected]


@pytest.mark.parametrize(("norm", "layer"), [("batch", nn.BatchNorm2d), ("group", nn.GroupNorm)])
def test_normalisation_follows_every_convolution_which_then_has_no_bias(norm, layer):
    trunk = slim(norm=norm, output_stride=8, keep_stride1_pools=True, for_segmenter=False)
    kinds = [type(module) for module in trunk.layers]
    assert [kinds[i + 1] for i, kind in enumerate(kinds) if kind is nn.Conv2d] == [layer] * 5
    assert all(conv.bias is None for conv in trunk.layers if isinstance(conv, nn.Conv2d))


def test_an_unknown_backbone_is_refused_with_the_known_ones(slim_backbone):
    with pytest.raises(InputError, match=r"backbone\.name: there is no backbone 'resnet'; choose from vgg"):
        build_backbone(**slim_backbone | {"name": "resnet"}, for_segmenter=False, conv5_dilation=1)
