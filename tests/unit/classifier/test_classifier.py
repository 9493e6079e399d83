"""Training the classifier: its loss, its validation, and a run from files to files."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from mdc.classifier import ClassifierTask, average_precisions, train_classifier
from mdc.networks.checkpoints import read_checkpoint
from mdc.networks.encoder import Encoder
from mdc.networks.grid import Grid
from mdc.networks.multi_dilation import ClassifierDescription
from mdc.networks.weight_files import read_torch, weights_hash
from mdc.training.optimisation import Schedule
from tests.unit.networks.slim_networks import slim_classifier


class Fixed(nn.Module):
    """Stands in for a network of stride 8: gives the logits it was made with; standardised, 100 is 0 and 101 is 1."""

    def __init__(self, logits: torch.Tensor, *, dilations: tuple[int, ...] = (1, 3)) -> None:
        super().__init__()
        self.logits, self.dilations = nn.Parameter(logits), dilations
        mean, std = [100 / 255] * 3, [1 / 255] * 3
        self.encoder = Encoder(nn.Identity(), channels=3, grid=Grid(8), mean=mean, std=std)
        self.seen = []

    def forward(self, images):
        self.seen.append(images)
        return self.logits


def test_loss_is_the_mean_of_the_blocks_own_losses(schedule):
    # -log sigmoid(x): log 2 at 0; sigmoid(log 3) = 3/4
    logits = torch.tensor([[[0.0, math.log(3)], [math.log(3), 0.0]]])  # one image, two blocks, two classes
    task = ClassifierTask(Fixed(logits), Schedule(**schedule))
    found = task.loss({"image": torch.zeros(1, 3, 9, 9), "tags": torch.tensor([[1.0, 0.0]])})
    first = (math.log(2) + math.log(4)) / 2  # class 2 is not tagged: -log(1 - 3/4)
    second = (math.log(4 / 3) + math.log(2)) / 2
    assert found.item() == pytest.approx((first + second) / 2)
    torch.testing.assert_close(task.network.seen[0], torch.full((1, 3, 9, 9), -100.0))  # standardised


def test_average_precision_by_hand_and_nan_for_a_class_without_images():
    tags = torch.tensor([[1, 0], [0, 0], [1, 0], [0, 0]]).float()
    # block 1 ranks the images 1, 2, 3, 4: hits at ranks 1 and 3: (1/1 + 2/3) / 2; block 2 ranks 1, 3 first: 1
    logits = torch.tensor([[[4.0, 0], [4, 0]], [[3, 0], [1, 0]], [[2, 0], [3, 0]], [[1, 0], [0, 0]]])
    table = average_precisions(logits, tags)
    assert table[:, 0].tolist() == pytest.approx([5 / 6, 1])
    assert table[:, 1].isnan().all()


def test_validation_averages_over_the_classes_that_occur(schedule):
    task = ClassifierTask(Fixed(torch.zeros(1, 2, 2)), Schedule(**schedule))
    task.on_validation_epoch_start()
    task.logits = [torch.tensor([[[4.0, 0], [4, 0]], [[3, 0], [1, 0]], [[2, 0], [3, 0]]])]
    task.tags = [torch.tensor([[1.0, 0], [0, 0], [1, 0]])]
    task.on_validation_epoch_end()
    assert task.metrics == {"mAP_d1": pytest.approx(5 / 6), "mAP_d3": pytest.approx(1)}


@pytest.fixture
def run(tmp_path, write_split, noise, schedule):
    """Return a function that trains a slim classifier for two epochs on four photos, given changes of the arguments."""
    dark, bright = np.zeros((40, 33, 3), np.uint8), np.full((20, 50, 3), 250, np.uint8)
    photos = {"dark": (dark, "night", None), "bright": (bright, "day", None), "noisy/1": (noise(0, 40, 40), "", None)}
    arguments = {
        "train_csv": write_split("train", photos | {"both": (noise(1, 17, 64), "day;night", None)}),
        "val_csv": write_split("val", {"v": (bright, "day", None), "w": (dark[:9, :9], "night", None)}),
        "description": slim_classifier(classes=["day", "night"], dilations=[1, 2]),
        "init": "random",
        "weights": "",
        "augmentation": {"crop_px": 33, "resize_long_side_px": [24, 48], "flip": True},
        "training": schedule | {"epochs": 2},
        "seed": 0,
        "device": "cpu",
        "threads": 1,
        "code": "c0de",
    }

    def train(name: str, **changes):
        train_classifier(**arguments | {"weights_pt": tmp_path / name / "weights.pt"} | changes)
        return read_checkpoint(tmp_path / name / "weights.pt", ClassifierDescription)[0]

    train.arguments, train.folder = arguments, tmp_path
    return train


def test_a_run_is_a_function_of_its_settings_and_seed(run):
    first = run("a")
    assert weights_hash(first) == weights_hash(run("b"))
    assert weights_hash(first) != weights_hash(run("c", seed=1))
    table = pd.read_csv(run.folder / "a" / "metrics.csv")
    assert list(table.columns) == ["epoch", "step", "lr", "loss", "mAP_d1", "mAP_d2"]
    assert table["step"].tolist() == [2, 4] and table[["mAP_d1", "mAP_d2"]].stack().between(0, 1).all()
    settings = json.loads(read_torch(run.folder / "a" / "weights.pt")["settings"])
    assert settings["seed"] == 0 and settings["augmentation"] == run.arguments["augmentation"]
    assert read_checkpoint(run.folder / "a" / "weights.pt", ClassifierDescription)[1] == run.arguments["description"]


def test_heads_can_start_at_the_share_of_photos_of_each_class(run):
    barely = run.arguments["training"] | {"epochs": 1, "lr": 1e-9}
    description = slim_classifier(classes=["day", "night", "fog"], dilations=[1, 2])
    state = run("a", description=description, head_bias="prior", training=barely)
    for block in (0, 1):  # 2, 2 and 0 of 4 photos, and half a photo more of either kind: 5, 5 and 1 of 10
        expected = torch.tensor([0, 0, math.log(1 / 9)])
        torch.testing.assert_close(state[f"heads.{block}.bias"], expected, rtol=0, atol=1e-6)


def test_training_goes_without_validation_images(run, write_split):
    run("a", val_csv=write_split("none", {}))
    assert list(pd.read_csv(run.folder / "a" / "metrics.csv").columns) == ["epoch", "step", "lr", "loss"]
