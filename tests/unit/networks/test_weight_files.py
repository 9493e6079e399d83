"""Files with weights: what is refused, and the hash that tells networks apart."""

import os
from pathlib import Path

import pytest
import torch
from torch import nn

from mdc.networks.weight_files import check_state, read_torch, weights_hash
from mdc.runtime.errors import InputError

LINEAR = nn.Linear(3, 2).state_dict()


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


def test_everything_that_does_not_fit_is_named():
    state = {"weight": torch.zeros(2, 4), "extra": torch.tensor([torch.inf])}
    with pytest.raises(InputError) as error:
        check_state(LINEAR, state, source=Path("w.pt"))
    assert str(error.value) == (
        "w.pt: these weights are of another network: missing bias; unknown extra; "
        "weight is (2, 4), expected (2, 3); name weights of this one, or, if the workflow made the file, remove it and "
        "run the same command again"
    )


def test_what_the_network_cannot_hold_is_refused():
    huge = torch.full((2, 3), 1e300, dtype=torch.float64)
    with pytest.raises(InputError, match="weight is not finite"):  # in 32 bits
        check_state(LINEAR, LINEAR | {"weight": huge}, source=Path("w.pt"))
    for odd in (1, None, torch.zeros(2).to_sparse()):
        with pytest.raises(InputError, match=r"w\.pt: these weights are damaged: bias is not a plain tensor"):
            check_state(LINEAR, LINEAR | {"bias": odd}, source=Path("w.pt"))


@pytest.mark.parametrize(
    ("weight", "sentence"),
    [
        (torch.zeros(2, 3, dtype=torch.int64), "weight is torch.int64, expected torch.float32"),
        (torch.zeros(2, 3, dtype=torch.complex64), "weight is torch.complex64, expected torch.float32"),
        (torch.zeros(1).expand(2**20, 2**20), r"weight is \(1048576, 1048576\), expected \(2, 3\)"),  # of 4 TB
        (torch.zeros(2, 3, device="meta"), "weight is not a plain tensor"),
    ],
)
def test_other_kinds_of_numbers_are_refused(weight, sentence):
    with pytest.raises(InputError, match=rf"w\.pt: these weights are .*: {sentence}"):
        check_state(LINEAR, LINEAR | {"weight": weight}, source=Path("w.pt"))


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


def test_every_changed_byte_of_a_tensor_is_noticed(tmp_path):
    torch.save(LINEAR, tmp_path / "w.pt")
    whole = (tmp_path / "w.pt").read_bytes()
    start = whole.index(LINEAR["weight"].numpy().tobytes())
    for at in range(start, start + 24):
        (tmp_path / "w.pt").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(InputError, match=r"w\.pt: .* damaged \(.*data/0 has changed\); remove it or replace it"):
            read_torch(tmp_path / "w.pt")


@pytest.mark.parametrize("zipped", [True, False])  # torchvision's VGG16 file is of the old kind, not a zip file
def test_a_file_cut_short_anywhere_is_refused(tmp_path, zipped):
    path = tmp_path / "w.pt"
    torch.save({"a": torch.randn(3, 4)}, path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="not a readable weights file"):
            read_torch(path)
