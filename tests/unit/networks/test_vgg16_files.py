"""VGG16's files: which tensors are taken, unused and new, what input they expect, and what is refused."""

import copy
import functools
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import VGG16_Weights
from torchvision.models.vgg import cfgs, make_layers

from mdc.networks.descriptions import Description
from mdc.networks.encoder import Pretrained
from mdc.networks.encoders.vgg import Keys
from mdc.networks.init_weights import initialise
from mdc.networks.largefov import SegmenterDescription
from mdc.networks.multi_dilation import ClassifierDescription
from mdc.networks.vgg16_files import FC_NAMES, INPUTS, read_vgg16
from mdc.runtime.errors import InputError
from mdc.training.datasets import fill_colour
from tests.unit.networks.slim_networks import slim_classifier, slim_segmenter
from tests.voc_archives import FC_UNIT, fully_connected, vgg16_state

VGG16 = {"name": "vgg"}


def classifier_of(weights_input: str = "auto") -> ClassifierDescription:
    return slim_classifier(encoder=VGG16 | {"weights_input": weights_input})


def segmenter_of(weights_input: str = "auto", **changes) -> SegmenterDescription:
    fixed = {"encoder": VGG16 | {"weights_input": weights_input}, "fc_width": 1024}
    return slim_segmenter(**fixed | changes)


@functools.cache
def _classifier() -> nn.Module:
    return classifier_of().build()


@functools.cache
def _segmenter() -> nn.Module:
    return segmenter_of().build()


def classifier() -> nn.Module:
    return copy.deepcopy(_classifier())  # drawing random weights takes seconds


def segmenter() -> nn.Module:
    return copy.deepcopy(_segmenter())


def start(network: nn.Module, path: Path, description: Description | None = None) -> dict[str, str]:
    """Let a network start from a file; return what became of every tensor."""
    description = description or (segmenter_of() if hasattr(network, "fc6") else classifier_of())
    return initialise(network, description, init="pretrained", weights=str(path))


def read(path: Path, weights_input: str = "auto", *, fc: bool = False) -> Pretrained:
    return read_vgg16(path, weights_input=weights_input, with_fully_connected=fc)


def named(uses: dict[str, str], use: str) -> set[str]:
    return {name for name, found in uses.items() if found == use}


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return vgg16_state()


@pytest.fixture
def saved(tmp_path):
    """Return a function that writes a state and returns its file."""

    def write(state: dict[str, Tensor]):
        torch.save(state, tmp_path / "vgg16.pth")
        return tmp_path / "vgg16.pth"

    return write


def reduced(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the state of vgg16_reducedfc.pth: the sequence of SSD's base network, fc6 and fc7 subsampled."""
    convolutions = {n.removeprefix("features."): t for n, t in state.items() if n.startswith("features.")}
    fc6, fc7 = torch.arange(1024 * 512 * 9.0).view(1024, 512, 3, 3), torch.arange(1024.0**2).view(1024, 1024, 1, 1)
    one = torch.arange(1024.0)
    return convolutions | {"31.weight": fc6, "31.bias": one, "33.weight": fc7, "33.bias": -one}


def test_urls_hashes_and_sizes_are_torchvisions():
    assert list(Keys.published) == ["IMAGENET1K_V1", "IMAGENET1K_FEATURES"]
    for name, ours in Keys.published.items():
        theirs = VGG16_Weights[name]
        assert ours.url == theirs.url
        # torchvision's files are named by the first 8 hex digits of their SHA-256
        assert ours.hash.removeprefix("sha256:")[:8] == theirs.url.removesuffix(".pth").rsplit("-", 1)[1]
        assert ours.megabytes * 1e6 == pytest.approx(theirs.meta["_file_size"] * 2**20, rel=0.005)


def test_inputs_are_torchvisions_presets():
    for name, weights in (
        ("torchvision", VGG16_Weights.IMAGENET1K_V1),
        ("caffe_rgb", VGG16_Weights.IMAGENET1K_FEATURES),
    ):
        preset = weights.transforms()
        assert INPUTS[name].mean == pytest.approx(preset.mean) and INPUTS[name].std == pytest.approx(preset.std)


def test_fc6_and_fc7_are_every_4th_filter_at_every_3rd_position(state, saved):
    found = read(saved(state), fc=True)
    fc = {name: tensor / FC_UNIT for name, tensor in found.fully_connected.items()}
    assert tuple(fc) == FC_NAMES
    used = {"classifier.0.weight", "classifier.0.bias", "classifier.3.weight", "classifier.3.bias"}
    assert named(found.uses, "fully connected") == used
    # filter 4k; column c * 49 + row * 7 + column of the 7 x 7 grid, rows and columns 0, 3 and 6
    k = torch.arange(1024.0).view(-1, 1, 1, 1)
    c = torch.arange(512.0).view(1, -1, 1, 1)
    i, j = torch.arange(3.0).view(1, 1, -1, 1), torch.arange(3.0).view(1, 1, 1, -1)
    assert torch.equal(fc["fc6.weight"], 4 * k + 49 * c + 7 * 3 * i + 3 * j)
    assert fc["fc6.weight"][1, 2, 1, 2] == 4 + 98 + 21 + 6
    assert torch.equal(fc["fc6.bias"], 4 * torch.arange(1024.0))
    assert torch.equal(fc["fc7.weight"][:, :, 0, 0], 8 * k[:, :, 0, 0] + 4 * torch.arange(1024.0))
    assert torch.equal(fc["fc7.bias"], -4 * torch.arange(1024.0))


def test_the_classifier_uses_the_convolutions_and_nothing_else(state, saved):
    network = classifier()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    uses = start(network, saved(state))
    used = named(uses, "encoder")
    assert used == {name for name in state if name.startswith("features.")} and len(used) == 26
    assert named(uses, "unused") == {f"classifier.{n}.{kind}" for n in (0, 3, 6) for kind in ("weight", "bias")}
    new = [
        f"{part}.{kind}" for part in ("blocks.0.0", "blocks.1.0", "heads.0", "heads.1") for kind in ("weight", "bias")
    ]
    assert named(uses, "new") == set(new) and len(uses) == 32 + 8
    after = network.state_dict()
    assert torch.equal(after["encoder.layers.conv5_3.weight"], state["features.28.weight"])
    for name in new:
        assert torch.equal(after[name], before[name])


def test_the_segmenter_uses_fc6_and_fc7_as_well(state, saved):
    network = segmenter()
    uses = start(network, saved(state))
    assert named(uses, "unused") == {"classifier.6.weight", "classifier.6.bias"}
    assert named(uses, "new") == {"score.weight", "score.bias"}
    assert (len(named(uses, "encoder")), len(named(uses, "fully connected"))) == (26, 4)
    assert network.fc6.weight[1, 2, 1, 2] == FC_UNIT * (4 + 98 + 21 + 6)


def test_a_reduced_file_is_taken_as_it_is(state, saved):
    network = segmenter()
    uses = start(network, saved(reduced(state)))
    assert named(uses, "fully connected") == {"31.weight", "31.bias", "33.weight", "33.bias"}
    assert len(named(uses, "encoder")) == 26 and not named(uses, "unused")
    assert torch.equal(network.fc6.weight, reduced(state)["31.weight"])
    assert torch.equal(network.fc7.weight, reduced(state)["33.weight"])
    assert torch.equal(network.fc7.bias, -torch.arange(1024.0))
    assert torch.equal(network.encoder.layers.conv1_1.weight, state["features.0.weight"])


def test_a_plain_head_leaves_fc6_and_fc7_unused(state, saved):
    description = segmenter_of(head="plain")
    uses = start(description.build(), saved(reduced(state)), description)
    assert named(uses, "unused") == {"31.weight", "31.bias", "33.weight", "33.bias"}
    assert named(uses, "new") == {"score.weight", "score.bias"} and len(named(uses, "encoder")) == 26


def standardised(network: nn.Module, *pixel: float) -> list[float]:
    return network.encoder.standardise(torch.tensor(pixel).view(1, 3, 1, 1)).flatten().tolist()


def test_the_input_goes_with_the_weights(state, saved):
    network = classifier()
    start(network, saved(state))
    # (1 - .485) / .229, (1 - .456) / .224, (1 - .406) / .225
    assert standardised(network, 255, 255, 255) == pytest.approx([2.248908, 2.428571, 2.64], abs=1e-5)
    assert fill_colour(network.encoder) == (124, 116, 104)

    nan = {name: torch.full((1,), torch.nan).expand(tensor.shape) for name, tensor in fully_connected().items()}
    start(network, saved(state | nan))  # as IMAGENET1K_FEATURES
    assert standardised(network, 200, 100, 50) == pytest.approx([77, -17, -54], abs=0.01)  # less 123, 117, 104
    assert fill_colour(network.encoder) == (123, 117, 104)

    start(network, saved(state))
    start(network, saved(reduced(state)))
    assert standardised(network, 200, 100, 50) == pytest.approx([77, -17, -54], abs=0.01)


def test_weights_for_blue_first_see_blue_first(state, saved):
    network = segmenter()
    numbers = {"0": "1", "3": "4", "6": "6"}  # of the fully connected layers in vgg16-00b39a1b.pth, which is Caffe's
    pytorch_vgg = {name: tensor for name, tensor in state.items() if name.startswith("features.")}
    for name in state.keys() - pytorch_vgg.keys():
        _, number, kind = name.split(".")
        pytorch_vgg[f"classifier.{numbers[number]}.{kind}"] = state[name]
    uses = start(network, saved(pytorch_vgg))
    assert named(uses, "unused") == {"classifier.6.weight", "classifier.6.bias"}
    assert network.fc6.weight[1, 2, 1, 2] == FC_UNIT * (4 + 98 + 21 + 6)
    layers = make_layers(cfgs["D"], batch_norm=False)
    layers.load_state_dict({n.removeprefix("features."): t for n, t in state.items() if n.startswith("features.")})
    image = torch.randint(0, 256, (1, 3, 9, 9), generator=torch.Generator().manual_seed(0)).float()  # RGB
    bgr = image.flip(1) - torch.tensor([104.0, 117.0, 123.0]).view(1, 3, 1, 1)
    with torch.no_grad():
        found = network.encoder.layers.conv1_1(network.encoder.standardise(image))
        torch.testing.assert_close(found, layers[0](bgr), atol=0.01, rtol=0)


def test_convolutions_alone_do_for_the_classifier_when_their_input_is_told(state, saved):
    features = {name: tensor for name, tensor in state.items() if name.startswith("features.")}
    path = saved(features)
    with pytest.raises(
        InputError, match=r"the input of these weights cannot be inferred: set encoder\.weights_input to"
    ):
        start(classifier(), path)
    network = classifier()
    assert len(start(network, path, classifier_of("caffe_rgb"))) == 26 + 8
    assert fill_colour(network.encoder) == (123, 117, 104)
    with pytest.raises(InputError, match=r"vgg16\.pth: has no fully connected layers, from which the segmenter's fc6"):
        start(segmenter(), path, segmenter_of("caffe_rgb"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s | {"extra": torch.zeros(1)}, "closest match: torchvision's vgg16, but extra is not in it: name"),
        (
            lambda s: {n: t for n, t in s.items() if n != "features.28.weight"},
            "closest match: torchvision's vgg16, but features.28.weight is missing: name another file",
        ),
        (lambda s: {"state": {}, "settings": "{}"}, "or set init to file for weights of this workflow"),
        (lambda s: [1, 2], "closest match: "),
    ],
)
def test_a_file_with_other_tensors_is_refused_by_their_names(state, saved, change, sentence):
    with pytest.raises(InputError) as error:
        read(saved(change(state)))
    assert str(error.value).startswith(f"{saved(state)}: unrecognised checkpoint; closest match: ")
    assert sentence in str(error.value)


def test_a_convolution_that_is_not_finite_or_of_another_shape_is_refused(state, saved):
    bad = state["features.10.bias"].clone()
    bad[3] = torch.inf
    with pytest.raises(InputError, match=r"features\.10\.bias has values that are not finite"):
        read(saved(state | {"features.10.bias": bad}))
    grey = {"features.0.weight": torch.zeros(64, 1, 3, 3)}
    with pytest.raises(InputError, match=r"features\.0\.weight is \(64, 1, 3, 3\), expected \(64, 3, 3, 3\)"):
        read(saved(state | grey), "torchvision")


@pytest.mark.parametrize("value", [None, torch.zeros(64, dtype=torch.complex64), torch.zeros(64).to_sparse()])
def test_what_is_no_tensor_of_numbers_is_refused(state, saved, value):
    with pytest.raises(InputError, match="features.0.bias is not a plain tensor of floating-point numbers"):
        read(saved(state | {"features.0.bias": value}), "torchvision")
