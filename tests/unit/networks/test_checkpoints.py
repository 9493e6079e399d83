"""Weight files: what is refused, and the hash that tells networks apart."""

import os
from pathlib import Path

import pytest
import torch
from torch import nn

from mdc.networks.checkpoints import load_state, load_strictly, read_torch, save_weights, weights_hash
from mdc.runtime.errors import InputError


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
        "w.pt: these weights are of another network: missing bias; unknown extra; "
        "weight is (2, 4), expected (2, 3); name weights of this one, or, if the workflow made the file, remove it and "
        "run the same again"
    )
    assert torch.equal(network.weight, before)


def test_strict_loading_refuses_what_the_network_cannot_hold():
    network = nn.Linear(1, 1)
    state = {"weight": torch.full((1, 1), 1e300, dtype=torch.float64), "bias": torch.zeros(1)}
    with pytest.raises(InputError, match="weight is not finite"):  # in 32 bits
        load_strictly(network, state, source=Path("w.pt"))
    for odd in (1, None, torch.zeros(1).to_sparse()):
        with pytest.raises(InputError, match=r"w\.pt: these weights are damaged: bias is no plain tensor"):
            load_strictly(network, {"weight": torch.zeros(1, 1), "bias": odd}, source=Path("w.pt"))


def test_strict_loading_shows_five_problems_and_counts_the_others():
    with pytest.raises(InputError, match="; and 2 more; name"):
        load_strictly(nn.Linear(3, 2), {f"x{i}": torch.zeros(1) for i in range(5)}, source=Path("w.pt"))


class Code:
    """Unpickling this makes a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_every_changed_byte_of_a_tensor_is_noticed(tmp_path):
    save_weights(tmp_path / "w.pt", nn.Linear(3, 2), settings={})
    whole = (tmp_path / "w.pt").read_bytes()
    start = whole.index(load_state(tmp_path / "w.pt")["weight"].numpy().tobytes())
    for at in range(start, start + 24):
        (tmp_path / "w.pt").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(InputError, match=r"w\.pt: .* damaged \(.*data/0 has changed\); remove it or replace it"):
            load_state(tmp_path / "w.pt")


@pytest.mark.parametrize(
    ("weight", "sentence"),
    [
        (torch.zeros(2, 3, dtype=torch.int64), "weight is torch.int64, expected torch.float32"),
        (torch.zeros(2, 3, dtype=torch.bool), "weight is torch.bool, expected torch.float32"),
        (torch.zeros(2, 3, dtype=torch.complex64), "weight is torch.complex64, expected torch.float32"),
        (torch.zeros(1).expand(2**20, 2**20), r"weight is \(1048576, 1048576\), expected \(2, 3\)"),  # of 4 TB
        (torch.zeros(2, 3, device="meta"), "weight is no plain tensor"),
    ],
)
def test_strict_loading_refuses_other_kinds_of_numbers(weight, sentence):
    with pytest.raises(InputError, match=rf"w\.pt: these weights are .*: {sentence}"):
        load_strictly(nn.Linear(3, 2), {"weight": weight, "bias": torch.zeros(2)}, source=Path("w.pt"))


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
