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
from torch import nn

from mdc.data.mask_files import write_mask
from mdc.networks.checkpoints import read_checkpoint
from mdc.networks.largefov import SegmenterDescription
from mdc.networks.multi_dilation import ClassifierDescription
from mdc.runtime.errors import InputError
from mdc.runtime.hashes import file_digest
from mdc.storage.image_tables import write_table
from mdc.training.datasets import batches
from mdc.training.several_gpus import Share, processes_for
from tests.unit.networks.slim_networks import slim_classifier, slim_encoder, slim_segmenter

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


def arguments(stage, schedule, *, norm, gpus, **changes) -> list[str]:
    """Return what the script gives to the training, as JSON."""
    encoder = slim_encoder(norm=norm)
    if stage == "classifier":
        description = slim_classifier(encoder=encoder, block_norm=norm)
    else:
        description = slim_segmenter(encoder=encoder, fc_norm=norm, dropout=0.0)
    training = schedule | {"batch_size": 4, "epochs": 3, "lr": 0.05, "new_layer_lr_factor": 2} | changes
    view = {"crop_px": 33, "resize_long_side_px": [], "flip": True}
    return [description.model_dump_json(), json.dumps({"training": training, "augmentation": view, "gpus": gpus})]


def start(stage, folder, given) -> subprocess.Popen:
    command = [sys.executable, str(SCRIPT), stage, str(folder), *given]
    return subprocess.Popen(
        command, env=os.environ | PLACES, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def trained(stage, folder, given) -> pd.DataFrame:
    """Train and return metrics.csv."""
    process = start(stage, folder, given)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return pd.read_csv(folder / "metrics.csv")


def test_two_processes_have_the_losses_and_weights_of_one(tables, schedule):
    given = {"norm": "group", "batch_size": 7}  # in 2 processes of 2 micro-batches each: 2 + 2 and 2 + 1 images
    one = trained("segmenter", tables / "one", arguments("segmenter", schedule, gpus=1, **given))
    two = trained("segmenter", tables / "two", arguments("segmenter", schedule, gpus=2, micro_batches=2, **given))
    assert one["step"].tolist() == two["step"].tolist() == [1, 2, 3]
    assert np.ptp(one["loss"]) > 1e-3  # it learns: equal losses mean equal steps
    assert set(one.columns) == set(two.columns) == {"epoch", "step", "lr", "loss", "mIoU_val"}
    # a mean IoU moves by a pixel where two classes are equally likely up to rounding
    np.testing.assert_allclose(two.to_numpy(), one.to_numpy(), rtol=1e-3, atol=1e-6)
    states = [read_checkpoint(tables / name / "weights.pt", SegmenterDescription)[0] for name in ("one", "two")]
    for name, tensor in states[0].items():
        torch.testing.assert_close(states[1][name], tensor, rtol=1e-4, atol=1e-5)
    log = (tables / "two/log.txt").read_text()
    assert log.count("epoch 3: ") == 1  # the first process writes alone
    assert not list((tables / "two").glob("resume-*"))


def stopped(folder, given, *, after: int, other: bool = False) -> str:
    """Train until `after` epochs are done, kill the first or the other process, and return what was said.

    Both processes end and leave something to go on from.
    """
    process, table, epochs = start("classifier", folder, given), folder / "metrics.csv", 0
    while epochs < after and process.poll() is None:
        time.sleep(0.02)
        epochs = len(pd.read_csv(table)) if table.exists() else 0
    (second,) = psutil.Process(process.pid).children()
    (second if other else process).kill()
    output, _ = process.communicate(timeout=60)  # the pipe is open until the other process has ended too
    assert process.returncode in (1, -signal.SIGKILL) and list(folder.glob("resume-*.ckpt")), output
    return output


def test_a_training_of_two_processes_that_was_killed_goes_on_to_the_same_weights(tables, schedule):
    given = arguments("classifier", schedule, norm="group", gpus=2, epochs=9)
    whole, killed = trained("classifier", tables / "whole", given), tables / "killed"
    said = stopped(killed, given, after=2, other=True)
    assert "another process of this training has ended" in said and "Traceback" not in said
    stopped(killed, given, after=4)
    trained("classifier", killed, given)
    log = (killed / "log.txt").read_text()
    assert "continuing the unfinished training" in log and "epoch 2:" not in log
    assert (tables / "whole/metrics.csv").read_bytes() == (killed / "metrics.csv").read_bytes()
    states = [read_checkpoint(tables / name / "weights.pt", ClassifierDescription)[0] for name in ("whole", "killed")]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    one = trained("classifier", tables / "one", arguments("classifier", schedule, norm="group", gpus=1))
    np.testing.assert_allclose(whole[:3].to_numpy(), one.to_numpy(), rtol=1e-4, atol=1e-6)


def test_a_process_gets_its_part_of_every_batch():
    whole = list(batches(images=9, batch_size=4, micro_batches=1, seed=0, epoch=3))
    parts = [list(batches(images=9, batch_size=4, micro_batches=1, seed=0, epoch=3, rank=r, ranks=2)) for r in (0, 1)]
    assert [len(keys) for keys in whole] == [4, 4]
    assert [first + second for first, second in zip(*parts, strict=True)] == whole
    assert [len(keys) for part in parts for keys in part] == [2, 2, 2, 2]
    halves = list(batches(images=9, batch_size=4, micro_batches=2, seed=0, epoch=3, rank=1, ranks=2))
    assert halves == [whole[0][2:3], whole[0][3:], whole[1][2:3], whole[1][3:]]


def test_batch_normalisation_is_synced_on_gpus_and_refused_on_cpus():
    on_gpus = Share(rank=0, processes=2, threads=1, kind="gpu", cards=(1, 3)).trainer_arguments()
    assert on_gpus["sync_batchnorm"] and on_gpus["devices"] == [1, 3]
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
