"""The weights that a network starts from, and the table of what became of every tensor."""

import hashlib
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

from mdc.networks.checkpoints import load_network, save_network
from mdc.networks.descriptions import Description
from mdc.networks.init_weights import check_weights, initialise, start_network, write_untrained_classifier
from mdc.networks.multi_dilation import ClassifierDescription
from mdc.networks.weight_files import weights_hash
from mdc.runtime.errors import InputError
from tests.unit.networks.slim_networks import slim_classifier, slim_segmenter


def saved(path: Path, description: Description, *, seed: int = 0) -> nn.Module:
    """Write a network of random weights and of another input than the encoder's, and return it."""
    torch.manual_seed(seed)
    network = description.build()
    network.encoder.set_standardisation((0.1, 0.2, 0.3), (1, 1, 1))
    save_network(path, network, description, settings={})
    return network


def test_the_same_seed_gives_the_same_network():
    hashes = [
        weights_hash(start_network(slim_segmenter(), seed=seed, init="random", weights="").state_dict())
        for seed in (0, 0, 1)
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_starting_from_a_classifier_copies_the_encoder_and_its_input_alone(tmp_path):
    # of other blocks and classes, which do not matter
    source = saved(tmp_path / "c.pt", slim_classifier(classes=["x", "y", "z"], dilations=[5]))
    torch.manual_seed(1)
    network = slim_segmenter().build()
    before = network.fc6.weight.clone()
    report = initialise(network, slim_segmenter(), init="classifier", weights="", classifier_pt=tmp_path / "c.pt")
    assert report == {}
    for name, tensor in source.encoder.state_dict().items():
        assert torch.equal(network.encoder.state_dict()[name], tensor), name
    assert network.encoder.mean.flatten().tolist() == pytest.approx([25.5, 51, 76.5])
    assert torch.equal(network.fc6.weight, before)


@pytest.mark.parametrize("head", ["largefov", "plain"])
def test_starting_from_a_file_takes_everything_and_random_nothing(tmp_path, head):
    description = slim_segmenter(head=head)
    source = saved(tmp_path / "w.pt", description)
    torch.manual_seed(1)
    network = description.build()
    before = weights_hash(network.state_dict())
    assert initialise(network, description, init="random", weights="") == {}
    assert weights_hash(network.state_dict()) == before != weights_hash(source.state_dict())
    report = initialise(network, description, init="file", weights=str(tmp_path / "w.pt"))
    assert report == dict.fromkeys(source.state_dict(), "used")
    assert weights_hash(network.state_dict()) == weights_hash(source.state_dict())
    assert {n for n, p in network.named_parameters() if p in network.new_parameters()} == {"score.weight", "score.bias"}


def check(folder: Path, description: Description, *, expected_hash: str = "") -> pd.DataFrame:
    table = folder / "checked.csv"
    check_weights(
        description, init="file", weights=str(folder / "w.pt"), expected_hash=expected_hash, checked_csv=table
    )
    return pd.read_csv(table)


@pytest.mark.parametrize("other", [{"fc_width": 16}, {"head": "plain"}])
def test_the_check_refuses_what_does_not_fit_and_writes_nothing(tmp_path, other):
    saved(tmp_path / "w.pt", slim_segmenter(**other))
    with pytest.raises(InputError, match=r"w\.pt: these weights are of another network"):
        check(tmp_path, slim_segmenter())
    assert not (tmp_path / "checked.csv").exists()


def test_the_check_refuses_a_downloaded_file_that_has_not_its_hash(tmp_path):
    saved(tmp_path / "w.pt", slim_segmenter())
    with pytest.raises(
        InputError, match=r"w\.pt: is missing or does not have the hash sha256:00000000: download it again with"
    ):
        check(tmp_path, slim_segmenter(), expected_hash="sha256:00000000")
    digest = hashlib.sha256((tmp_path / "w.pt").read_bytes()).hexdigest()
    assert len(check(tmp_path, slim_segmenter(), expected_hash=f"sha256:{digest}")) > 0


def test_the_untrained_classifier_is_the_one_that_training_starts_from(tmp_path):
    write_untrained_classifier(
        weights_pt=tmp_path / "w.pt", description=slim_classifier(), init="random", weights="", seed=3
    )
    found, told = load_network(tmp_path / "w.pt", ClassifierDescription)
    start = start_network(slim_classifier(), seed=3, init="random", weights="")
    assert told == slim_classifier() and weights_hash(found.state_dict()) == weights_hash(start.state_dict())
