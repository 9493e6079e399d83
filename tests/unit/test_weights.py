"""Weight files: what is taken from VGG16, what is refused, and the hash that tells networks apart."""

import os
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision.models.vgg import cfgs, make_layers

from mdc.errors import InputError
from mdc.models.weights import (
    initialise,
    load_state,
    load_strictly,
    read_torch,
    save_weights,
    subsampled_fc,
    weights_hash,
)
from mdc.segmenter import build_segmenter

VGG16_BACKBONE = {
    "name": "vgg",
    "widths": [64, 128, 256, 512, 512],
    "depths": [2, 2, 3, 3, 3],
    "norm": "none",
    "output_stride": 8,
    "keep_stride1_pools": True,
}


def fully_connected() -> dict[str, torch.Tensor]:
    """Return fc6 and fc7 of VGG16's real shapes with entry (r, c) = r + c; views of one small stretch of memory."""
    line = torch.arange(4096.0 + 25088)
    return {
        "classifier.0.weight": line.as_strided((4096, 25088), (1, 1)),
        "classifier.0.bias": torch.arange(4096.0),
        "classifier.3.weight": line.as_strided((4096, 4096), (2, 1)),  # 2r + c, so that r and c differ
        "classifier.3.bias": -torch.arange(4096.0),
    }


@pytest.fixture(scope="module")
def vgg16_pth(tmp_path_factory):
    """Return a file with the key names and shapes of torchvision's VGG16."""
    torch.manual_seed(0)
    features = make_layers(cfgs["D"], batch_norm=False).state_dict()
    path = tmp_path_factory.mktemp("weights") / "vgg16.pth"
    torch.save({f"features.{name}": tensor for name, tensor in features.items()} | fully_connected(), path)
    return path


def assert_subsampled(fc: dict[str, torch.Tensor]) -> None:
    # filter 4k; column c * 49 + row * 7 + column of the 7 x 7 grid, rows and columns 0, 3 and 6
    k = torch.arange(1024.0).view(-1, 1, 1, 1)
    c = torch.arange(512.0).view(1, -1, 1, 1)
    i, j = torch.arange(3.0).view(1, 1, -1, 1), torch.arange(3.0).view(1, 1, 1, -1)
    assert torch.equal(fc["fc6.weight"], 4 * k + 49 * c + 7 * 3 * i + 3 * j)
    assert fc["fc6.weight"][1, 2, 1, 2] == 4 + 98 + 21 + 6
    assert torch.equal(fc["fc6.bias"], 4 * torch.arange(1024.0))
    assert fc["fc7.weight"].shape == (1024, 1024, 1, 1)
    assert torch.equal(fc["fc7.weight"][:, :, 0, 0], 8 * k[:, :, 0, 0] + 4 * torch.arange(1024.0))
    assert torch.equal(fc["fc7.bias"], -4 * torch.arange(1024.0))


def test_segmenter_from_imagenet_takes_every_4th_filter_and_every_3rd_position(vgg16_pth):
    network = build_segmenter(backbone=VGG16_BACKBONE, classes=2, fc_width=1024, fc6_dilation=12, dropout=0.5)
    initialise(network, init="imagenet", weights=str(vgg16_pth), classifier_state=None)
    state = network.state_dict()
    assert_subsampled({name: state[name] for name in state if name.startswith("fc")})
    features = read_torch(vgg16_pth)
    assert torch.equal(network.trunk.convolutions[4][2].weight, features["features.28.weight"])


def test_fc_layers_that_do_not_fit_are_refused():
    state = fully_connected()
    del state["classifier.3.weight"]
    with pytest.raises(InputError, match=r"no tensor 'classifier\.3\.weight'"):
        subsampled_fc(state)
    state = fully_connected() | {"classifier.0.bias": torch.full((4096,), torch.nan)}
    with pytest.raises(InputError, match="IMAGENET1K_FEATURES has valid convolutions only"):
        subsampled_fc(state)


def test_fc_width_other_than_vgg16s_is_refused(vgg16_pth):
    network = build_segmenter(backbone=VGG16_BACKBONE, classes=2, fc_width=64, fc6_dilation=12, dropout=0.5)
    with pytest.raises(InputError, match="fc_width must be 1024"):
        initialise(network, init="imagenet", weights=str(vgg16_pth), classifier_state=None)


def test_hash_depends_on_names_shapes_dtypes_and_every_byte_but_not_on_the_order():
    state = {"a": torch.tensor([[1.0, 2.0]]), "n": torch.tensor(3)}
    found = weights_hash(state)
    assert len(found) == 16 and found == weights_hash(dict(reversed(state.items())))
    others = [
        {"b": state["a"], "n": state["n"]},
        {"a": torch.tensor([[1.0, 2.0000002]]), "n": state["n"]},
        {"a": state["a"].view(2, 1), "n": state["n"]},
        {"a": state["a"].view(torch.int32), "n": state["n"]},
        {"a": state["a"], "n": torch.tensor(4)},
    ]
    assert len({found, *(weights_hash(other) for other in others)}) == 6
    assert weights_hash({"a": torch.tensor([[1.0, 9.0], [2.0, 9.0]])[:, :1].T, "n": state["n"]}) == found  # strided


def test_written_weights_come_back(tmp_path):
    torch.manual_seed(0)
    network, other = nn.Linear(3, 2), nn.Linear(3, 2)
    save_weights(tmp_path / "w.pt", network, settings={"seed": 1})
    load_strictly(other, load_state(tmp_path / "w.pt"), source=Path("w.pt"))
    assert torch.equal(other.weight, network.weight) and torch.equal(other.bias, network.bias)
    assert read_torch(tmp_path / "w.pt")["settings"] == '{"seed": 1}'
    assert [path.name for path in tmp_path.iterdir()] == ["w.pt"]


def test_strict_loading_names_everything_that_does_not_fit():
    network = nn.Linear(3, 2)
    before = network.weight.clone()
    state = {"weight": torch.zeros(2, 4), "extra": torch.tensor([torch.inf])}
    with pytest.raises(InputError) as error:
        load_strictly(network, state, source=Path("w.pt"))
    assert str(error.value) == (
        "w.pt: these weights are of another network: extra is not finite; missing bias; unknown extra; "
        "weight is (2, 4), expected (2, 3)"
    )
    assert torch.equal(network.weight, before)


def test_strict_loading_shows_five_problems_and_counts_the_others():
    with pytest.raises(InputError, match="; and 2 more$"):
        load_strictly(nn.Linear(3, 2), {f"x{i}": torch.zeros(1) for i in range(5)}, source=Path("w.pt"))


class Code:
    """Unpickling this makes a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_file_that_carries_code_is_refused_and_does_not_run(tmp_path):
    torch.save({"state": Code(str(tmp_path / "ran"))}, tmp_path / "w.pt")
    with pytest.raises(InputError, match="not a readable weights file"):
        read_torch(tmp_path / "w.pt")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("zipped", [True, False])  # torchvision's VGG16 file is of the old kind, not a zip file
def test_a_file_cut_short_anywhere_is_refused(tmp_path, zipped):
    path = tmp_path / "w.pt"
    torch.save({"a": torch.randn(3, 4)}, path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="not a readable weights file"):
            read_torch(path)


def test_what_is_no_weights_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such weights file"):
        read_torch(tmp_path / "none.pt")
    (tmp_path / "page.pt").write_text("<html>Not Found</html>")
    with pytest.raises(InputError, match="not a readable weights file"):
        read_torch(tmp_path / "page.pt")
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(InputError, match="not weights written by this workflow"):
        load_state(tmp_path / "other.pt")


def test_starting_from_a_classifier_copies_the_trunk_alone(slim_backbone):
    torch.manual_seed(0)
    settings = {"backbone": slim_backbone, "classes": 2, "fc_width": 8, "fc6_dilation": 1, "dropout": 0.0}
    source, network = build_segmenter(**settings), build_segmenter(**settings)
    state = source.state_dict()
    before = network.fc6.weight.clone()
    initialise(network, init="classifier", weights="", classifier_state=state)
    assert torch.equal(network.trunk.layers[0].weight, source.trunk.layers[0].weight)
    assert torch.equal(network.fc6.weight, before) and not torch.equal(before, source.fc6.weight)


def test_starting_from_a_file_takes_everything_and_random_nothing(slim_backbone, tmp_path):
    torch.manual_seed(0)
    settings = {"backbone": slim_backbone, "classes": 2, "fc_width": 8, "fc6_dilation": 1, "dropout": 0.0}
    source, network = build_segmenter(**settings), build_segmenter(**settings)
    save_weights(tmp_path / "w.pt", source, settings={})
    before = weights_hash(network.state_dict())
    initialise(network, init="random", weights="", classifier_state=None)
    assert weights_hash(network.state_dict()) == before != weights_hash(source.state_dict())
    initialise(network, init="file", weights=str(tmp_path / "w.pt"), classifier_state=None)
    assert weights_hash(network.state_dict()) == weights_hash(source.state_dict())
