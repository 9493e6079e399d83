"""Choosing where networks run and with how many bits."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mdc.runtime import devices
from mdc.runtime.devices import accelerator, torch_device
from mdc.runtime.errors import InputError
from mdc.runtime.gpu_locks import claim_gpus, lock_folder, visible_gpus
from mdc.training.optimisation import precision_for


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


def test_the_precision_is_mixed_where_the_device_is_faster_so(cuda, monkeypatch):
    cuda(True, bf16=True)
    assert precision_for("auto", "gpu") == "bf16-mixed"
    cuda(True, bf16=False)
    assert precision_for("auto", "gpu") == "16-mixed"
    assert precision_for("auto", "cpu") == "32-true"
    for capability, name in (("amx_bf16", "bf16-mixed"), ("avx2", "32-true")):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda found={capability: True}: found)
        assert precision_for("fast", "cpu") == name
    with pytest.raises(InputError, match="CPUs do not compute in 16-mixed"):
        precision_for("16-mixed", "cpu")


HOLDER = """
import sys, time
from pathlib import Path
from mdc.runtime.gpu_locks import claim_gpus
print(claim_gpus(int(sys.argv[2]), names=["GPU-a", "GPU-b", "GPU-c"], folder=Path(sys.argv[1])), flush=True)
time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Return a function that starts a process which claims some of three GPUs and keeps them."""
    processes = []

    def start(count: int) -> subprocess.Popen:
        command = [sys.executable, "-c", HOLDER, str(tmp_path / "locks"), str(count)]
        environment = os.environ | {"PYTHONPATH": str(Path(devices.__file__).parents[2])}
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def test_two_jobs_never_have_the_same_gpu_and_a_killed_one_frees_its_own(holder):
    first = holder(2)
    assert first.stdout.readline() == "[0, 1]\n"
    second = holder(1)
    assert second.stdout.readline() == "[2]\n"
    third = holder(2)  # waits: none is left
    with pytest.raises(subprocess.TimeoutExpired):
        third.wait(timeout=3)
    second.kill()  # one is free, which is not enough
    with pytest.raises(subprocess.TimeoutExpired):
        third.wait(timeout=2)
    fourth = holder(1)
    assert fourth.stdout.readline() == "[2]\n"  # the third one does not sit on it while it waits
    first.kill()
    assert third.stdout.readline() == "[0, 1]\n"


def test_more_gpus_than_there_are_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"given gpu=4, but PyTorch finds 2: .* RULE:gpu=2"):
        claim_gpus(4, names=["0", "1"], folder=tmp_path)


def test_processes_of_one_training_share_its_gpus(tmp_path, monkeypatch):
    monkeypatch.setenv("MDC_GPUS", "1,3")
    assert claim_gpus(2, names=["0", "1", "2", "3"], folder=tmp_path) == [1, 3]


def test_gpus_are_told_apart_by_the_names_that_are_visible(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible_gpus() == ["0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-9f, 3")
    assert visible_gpus() == ["GPU-9f", "3"]


def test_each_job_of_a_cluster_has_its_own_locks(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    here = lock_folder()
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    assert lock_folder() == here.with_name(f"{here.name}-12")
