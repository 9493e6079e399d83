"""Training on several GPUs, with processes on CPUs in their place: what they compute is what one process computes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from timm.layers import BatchNormAct2d
from torch import nn
from torch.utils.data import DataLoader

from mdc.data.mask_files import write_mask
from mdc.networks.checkpoints import read_checkpoint
from mdc.networks.largefov import SegmenterDescription
from mdc.runtime.errors import InputError
from mdc.runtime.hashes import file_digest
from mdc.storage.image_tables import write_table
from mdc.training.datasets import batches
from mdc.training.several_gpus import Share, SyncedBatchNorm, gathered, part_of, processes_for
from tests.unit.networks.slim_networks import slim_encoder, slim_segmenter

SCRIPT = Path(__file__).with_name("shared_training.py")
PLACES = {"PYTHONPATH": str(SCRIPT.parents[3] / "workflow"), "OMP_NUM_THREADS": "1"}
# A job of a cluster is one task, whatever it starts. Lightning would take that for a training of one process.
PLACES |= {"SLURM_JOB_ID": "1", "SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"}
# The shell may be one that torchrun has started for a training of its own.
PLACES |= {"LOCAL_RANK": "1", "RANK": "3", "NODE_RANK": "1", "MASTER_ADDR": "192.0.2.1", "MASTER_PORT": "1"}


@pytest.fixture
def tables(tmp_path, write_split, noise):
    """Write tables of eight training images with tags and pseudo masks and of three images with masks to validate."""
    tags = ["a", "b", "a;b", "", "a", "b", "a;b", "b"]
    write_split("train", {f"t{i}": (noise(i, 33, 33), tag, None) for i, tag in enumerate(tags)})
    truths = np.random.default_rng(9).integers(0, 3, (3, 33, 41), np.uint8)
    val = {f"v{i}": (noise(50 + i, 33, 41), tag, truths[i]) for i, tag in enumerate(["a", "b", "a;b"])}
    write_split("val", val)
    rows = []
    for i in range(8):
        path = tmp_path / "masks" / f"t{i}.png"
        # image i has i % 3 labelled rows and pixels of both kinds: its loss weighs as much as another's all the same
        mask = np.full((33, 33), 255, np.uint8)
        mask[: 8 * (1 + i % 3)] = np.random.default_rng(i).integers(0, 3, (8 * (1 + i % 3), 33))
        write_mask(path, mask)
        rows.append((f"t{i}", str(path), file_digest(path)))
    write_table(rows, tmp_path / "masks.csv")
    return tmp_path


def arguments(schedule, *, gpus, **changes) -> list[str]:
    """Return what the script gives to the training, as JSON."""
    description = slim_segmenter(encoder=slim_encoder(norm="group"), fc_norm="group", dropout=0.0)
    training = schedule | {"batch_size": 7, "epochs": 6, "lr": 0.05, "new_layer_lr_factor": 2} | changes
    view = {"crop_px": 33, "resize_long_side_px": [], "flip": True}
    return [description.model_dump_json(), json.dumps({"training": training, "augmentation": view, "gpus": gpus})]


def start(folder, given) -> subprocess.Popen:
    command = [sys.executable, str(SCRIPT), str(folder), *given]
    return subprocess.Popen(
        command, env=os.environ | PLACES, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def trained(folder, given) -> tuple[pd.DataFrame, dict[str, torch.Tensor]]:
    """Train and return metrics.csv and the weights."""
    process = start(folder, given)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return pd.read_csv(folder / "metrics.csv"), read_checkpoint(folder / "weights.pt", SegmenterDescription)[0]


def stopped(folder, given, *, after: int, other: bool = False) -> str:
    """Train until `after` epochs are done, kill the first or the other process, and return what was said.

    Both processes end and leave something to go on from.
    """
    process, table, epochs = start(folder, given), folder / "metrics.csv", 0
    while epochs < after and process.poll() is None:
        time.sleep(0.02)
        epochs = len(pd.read_csv(table)) if table.exists() else 0
    (second,) = psutil.Process(process.pid).children()
    (second if other else process).kill()
    output, _ = process.communicate(timeout=60)  # the pipe is open until the other process has ended too
    assert process.returncode in (1, -signal.SIGKILL) and list(folder.glob("resume-*.ckpt")), output
    return output


def test_two_processes_have_the_losses_and_weights_of_one_and_go_on_when_killed_bit_for_bit(tables, schedule):
    whole, whole_state = trained(tables / "one", arguments(schedule, gpus=1))
    given = arguments(schedule, gpus=2, micro_batches=2)  # in 2 processes of 2 micro-batches each: 2 + 2 and 2 + 1
    shared, state = trained(tables / "two", given)
    assert whole["step"].tolist() == shared["step"].tolist() == [1, 2, 3, 4, 5, 6]
    assert np.ptp(whole["loss"]) > 1e-3  # it learns: equal losses mean equal steps
    assert set(whole.columns) == set(shared.columns) == {"epoch", "step", "lr", "loss", "mIoU_val"}
    # a mean IoU moves by a pixel where two classes are equally likely up to rounding
    np.testing.assert_allclose(shared.to_numpy(), whole.to_numpy(), rtol=1e-3, atol=1e-6)
    for name, tensor in whole_state.items():
        torch.testing.assert_close(state[name], tensor, rtol=1e-4, atol=1e-5)
    assert (tables / "two/log.txt").read_text().count("epoch 3: ") == 1  # the first process writes alone
    assert not list((tables / "two").glob("resume-*"))

    killed = tables / "killed"
    said = stopped(killed, given, after=1, other=True)
    assert "another process of this training has ended" in said and "Traceback" not in said
    stopped(killed, given, after=3)
    _, resumed = trained(killed, given)
    log = (killed / "log.txt").read_text()
    assert "continuing the unfinished training" in log and "epoch 2:" not in log
    assert (tables / "two/metrics.csv").read_bytes() == (killed / "metrics.csv").read_bytes()
    assert all(torch.equal(state[name], resumed[name]) for name in state)


def test_a_process_gets_its_part_of_every_batch():
    whole = list(batches(images=9, batch_size=4, micro_batches=1, seed=0, epoch=3))
    parts = [list(batches(images=9, batch_size=4, micro_batches=1, seed=0, epoch=3, rank=r, ranks=2)) for r in (0, 1)]
    assert [len(keys) for keys in whole] == [4, 4]
    assert [first + second for first, second in zip(*parts, strict=True)] == whole
    assert [len(keys) for part in parts for keys in part] == [2, 2, 2, 2]
    halves = list(batches(images=9, batch_size=4, micro_batches=2, seed=0, epoch=3, rank=1, ranks=2))
    assert halves == [whole[0][2:3], whole[0][3:], whole[1][2:3], whole[1][3:]]


def test_what_processes_have_validated_comes_in_the_order_of_the_images(monkeypatch):
    loader = DataLoader(torch.arange(5), batch_size=1)
    shares = [Share(rank=rank, processes=2, threads=1, kind="cpu", cards=()) for rank in (0, 1)]
    seen = [list(part_of(loader, share)) for share in shares]
    assert [torch.cat(part).tolist() for part in seen] == [[0, 2, 4], [1, 3]]
    monkeypatch.setattr("torch.distributed.is_initialized", lambda: True)
    monkeypatch.setattr("torch.distributed.get_world_size", lambda: 2)
    monkeypatch.setattr("torch.distributed.all_gather_object", lambda parts, _: parts.__setitem__(slice(None), seen))
    assert torch.cat(gathered(seen[0])).tolist() == [0, 1, 2, 3, 4]


def test_batch_normalisation_is_synced_on_gpus_and_refused_on_cpus():
    share = Share(rank=0, processes=2, threads=1, kind="gpu", cards=(1, 3))
    assert share.trainer_arguments()["devices"] == [1, 3]
    (sync,) = (plugin for plugin in share.plugins() if isinstance(plugin, SyncedBatchNorm))
    layers, ones = nn.Sequential(BatchNormAct2d(1), nn.BatchNorm2d(1)).eval(), torch.tensor([[[[-1.0, 1]]]])
    synced = sync.apply(layers)  # of the first, normalisation and ReLU in one
    assert all(isinstance(layer, nn.SyncBatchNorm) for layer in synced)
    torch.testing.assert_close(synced(ones), torch.tensor([[[[0.0, 1]]]]), rtol=0, atol=1e-4)
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    assert processes_for(2, batch=4, network=network, kind="gpu") == 2
    assert processes_for(1, batch=4, network=network, kind="cpu") == 1
    with pytest.raises(InputError, match="set encoder.norm, .* to group or none, or give the rule gpu=1"):
        processes_for(2, batch=4, network=network, kind="cpu")


def test_more_gpus_than_images_are_refused():
    plain = nn.Conv2d(3, 4, 1)
    assert processes_for(0, batch=30, network=plain, kind="gpu") == 1
    assert processes_for(4, batch=30, network=plain, kind="cpu") == 4
    with pytest.raises(InputError, match=r"3 images per step .* by 4 GPUs: give the rule at most 3, .*gpu=3"):
        processes_for(4, batch=3, network=plain, kind="gpu")
