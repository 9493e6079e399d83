"""The weights that a network starts from, and the table of what became of every tensor."""

import hashlib
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

from mdc.networks.checkpoints import save_weights, weights_hash
from mdc.networks.init_weights import check_weights, initialise
from mdc.networks.largefov import build_segmenter
from mdc.runtime.errors import InputError


def slim(backbone: dict) -> nn.Module:
    return build_segmenter(backbone=backbone, classes=2, fc_width=8, fc6_dilation=1, dropout=0.0)


def start(network: nn.Module, init: str, weights: Path | str = "", state: dict | None = None) -> dict[str, str]:
    return initialise(network, init=init, weights=str(weights), weights_input="auto", classifier_state=state)


def test_starting_from_a_classifier_copies_the_trunk_and_its_input_alone(slim_backbone):
    torch.manual_seed(0)
    source, network = slim(slim_backbone), slim(slim_backbone)
    source.standardise.set((0.1, 0.2, 0.3), (1, 1, 1))
    before = network.fc6.weight.clone()
    start(network, "classifier", state=source.state_dict())
    assert torch.equal(network.trunk.layers[0].weight, source.trunk.layers[0].weight)
    assert network.standardise.mean.flatten().tolist() == pytest.approx([25.5, 51, 76.5])
    assert torch.equal(network.fc6.weight, before) and not torch.equal(before, source.fc6.weight)


def test_starting_from_a_file_takes_everything_and_random_nothing(slim_backbone, tmp_path):
    torch.manual_seed(0)
    source, network = slim(slim_backbone), slim(slim_backbone)
    save_weights(tmp_path / "w.pt", source, settings={})
    before = weights_hash(network.state_dict())
    assert start(network, "random") == {}
    assert weights_hash(network.state_dict()) == before != weights_hash(source.state_dict())
    assert set(start(network, "file", tmp_path / "w.pt").values()) == {"used"}
    assert weights_hash(network.state_dict()) == weights_hash(source.state_dict())


def test_the_check_writes_what_became_of_every_tensor(slim_backbone, tmp_path):
    save_weights(tmp_path / "w.pt", slim(slim_backbone), settings={})
    settings = {"init": "file", "weights": str(tmp_path / "w.pt"), "weights_input": "", "expected_hash": ""}
    check_weights(slim(slim_backbone), **settings, checked_csv=tmp_path / "checked.csv")
    table = pd.read_csv(tmp_path / "checked.csv")
    assert list(table.columns) == ["tensor", "use"]
    assert set(table["tensor"]) == set(slim(slim_backbone).state_dict()) and set(table["use"]) == {"used"}


def test_the_check_refuses_what_does_not_fit_and_writes_nothing(slim_backbone, tmp_path):
    save_weights(tmp_path / "w.pt", nn.Linear(2, 2), settings={})
    settings = {"init": "file", "weights": str(tmp_path / "w.pt"), "weights_input": "", "expected_hash": ""}
    with pytest.raises(InputError, match=r"w\.pt: these weights are of another network"):
        check_weights(slim(slim_backbone), **settings, checked_csv=tmp_path / "checked.csv")
    assert not (tmp_path / "checked.csv").exists()


def test_the_check_refuses_a_downloaded_file_that_has_not_its_hash(slim_backbone, tmp_path):
    path = tmp_path / "w.pt"
    save_weights(path, slim(slim_backbone), settings={})
    settings = {"init": "file", "weights": str(path), "weights_input": "", "checked_csv": tmp_path / "checked.csv"}
    with pytest.raises(InputError, match=r"w\.pt: is missing or does not have the hash sha256:00000000: bring it by"):
        check_weights(slim(slim_backbone), **settings, expected_hash="sha256:00000000")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    check_weights(slim(slim_backbone), **settings, expected_hash=f"sha256:{digest}")
    assert (tmp_path / "checked.csv").is_file()
