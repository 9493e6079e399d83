"""Choosing where networks run and with how many bits."""

import pytest
import torch

from mdc.devices import accelerator, precision_for, torch_device
from mdc.errors import InputError


@pytest.fixture
def cuda(monkeypatch):
    """Return a function that pretends that there is a CUDA device, or none."""

    def pretend(available: bool, *, bf16: bool = True) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a card")
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: bf16)

    return pretend


@pytest.mark.parametrize(
    ("available", "device", "kind"),
    [(True, "auto", "gpu"), (True, "cuda", "gpu"), (True, "cpu", "cpu"), (False, "auto", "cpu"), (False, "cpu", "cpu")],
)
def test_device(cuda, available, device, kind):
    cuda(available)
    assert accelerator(device) == kind
    assert torch_device(device).type == {"gpu": "cuda", "cpu": "cpu"}[kind]


def test_cuda_without_a_device_is_refused(cuda):
    cuda(False)
    with pytest.raises(InputError, match="set device to auto or cpu"):
        accelerator("cuda")


def test_auto_precision_is_mixed_where_the_device_has_it(cuda):
    cuda(True, bf16=True)
    assert precision_for("auto", "gpu") == "bf16-mixed"
    cuda(True, bf16=False)
    assert precision_for("auto", "gpu") == "16-mixed"
    assert precision_for("auto", "cpu") == "32-true"
    with pytest.raises(InputError, match="CPUs do not compute in 16-mixed"):
        precision_for("16-mixed", "cpu")
