"""Training the classifier: its loss, its validation, and a run from files to files."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from mdc.classifier import ClassifierTask, average_precisions, train_classifier
from mdc.networks.checkpoints import load_state, load_strictly, read_torch, weights_hash
from mdc.networks.multi_dilation import build_classifier
from mdc.runtime.errors import InputError
from mdc.training.datasets import fill_colour, padded_to_grid
from mdc.training.optimisation import Schedule

NAMES = ["d1", "d3"]


class Fixed(nn.Module):
    """Stands in for a network: gives the logits it was made with."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits)
        self.trunk = nn.Module()
        self.trunk.stride = 8
        self.seen = []

    def standardise(self, images):
        return images - 100

    def forward(self, images):
        self.seen.append(images)
        return self.logits


def test_loss_is_the_mean_of_the_blocks_own_losses(schedule):
    # -log sigmoid(x): log 2 at 0; sigmoid(log 3) = 3/4
    logits = torch.tensor([[[0.0, math.log(3)], [math.log(3), 0.0]]])  # one image, two blocks, two classes
    task = ClassifierTask(Fixed(logits), Schedule(**schedule), names=NAMES)
    found = task.loss({"image": torch.zeros(1, 3, 9, 9), "tags": torch.tensor([[1.0, 0.0]])})
    first = (math.log(2) + math.log(4)) / 2  # class 2 is not tagged: -log(1 - 3/4)
    second = (math.log(4 / 3) + math.log(2)) / 2
    assert found.item() == pytest.approx((first + second) / 2)
    assert (task.network.seen[0] == -100).all()  # standardised


def test_loss_and_gradient_equal_those_of_separate_losses(schedule):
    torch.manual_seed(0)
    network = Fixed(torch.randn(4, 3, 5))
    tags = torch.randint(0, 2, (4, 5)).float()
    task = ClassifierTask(network, Schedule(**schedule), names=["d1", "d3", "d6"])
    (found,) = torch.autograd.grad(task.loss({"image": torch.zeros(4, 3, 1, 1), "tags": tags}), network.logits)
    separate = [nn.functional.binary_cross_entropy_with_logits(network.logits[:, i], tags) for i in range(3)]
    (expected,) = torch.autograd.grad(sum(separate) / 3, network.logits)
    torch.testing.assert_close(found, expected)


def test_average_precision_by_hand_and_nan_for_a_class_without_images():
    tags = torch.tensor([[1, 0], [0, 0], [1, 0], [0, 0]]).float()
    # block 1 ranks the images 1, 2, 3, 4: hits at ranks 1 and 3: (1/1 + 2/3) / 2; block 2 ranks 1, 3 first: 1
    logits = torch.tensor([[[4.0, 0], [4, 0]], [[3, 0], [1, 0]], [[2, 0], [3, 0]], [[1, 0], [0, 0]]])
    table = average_precisions(logits, tags)
    assert table[:, 0].tolist() == pytest.approx([5 / 6, 1])
    assert table[:, 1].isnan().all()


def test_validation_averages_over_the_classes_that_occur(schedule):
    task = ClassifierTask(Fixed(torch.zeros(1, 2, 2)), Schedule(**schedule), names=NAMES)
    task.on_validation_epoch_start()
    task.logits = [torch.tensor([[[4.0, 0], [4, 0]], [[3, 0], [1, 0]], [[2, 0], [3, 0]]])]
    task.tags = [torch.tensor([[1.0, 0], [0, 0], [1, 0]])]
    task.on_validation_epoch_end()
    assert task.metrics == {"mAP_d1": pytest.approx(5 / 6), "mAP_d3": pytest.approx(1)}


def test_validation_pads_the_standardised_photo_with_0(schedule):
    network = Fixed(torch.zeros(1, 2, 2))
    task = ClassifierTask(network, Schedule(**schedule), names=NAMES)
    task.on_validation_epoch_start()
    task.validation_step((torch.full((1, 3, 10, 9), 101.0), torch.zeros(1, 2)), 0)
    (seen,) = network.seen
    assert seen.shape == (1, 3, 17, 9)
    assert (seen[:, :, :10] == 1).all() and (seen[:, :, 10:] == 0).all()


@pytest.mark.parametrize(("size", "padded"), [((9, 17), (9, 17)), ((10, 16), (17, 17)), ((1, 2), (1, 9))])
def test_photos_are_padded_right_and_bottom_to_8k_plus_1(size, padded):
    found = padded_to_grid(torch.ones(1, 3, *size), 8)
    assert found.shape[-2:] == padded
    assert (found[0, 0].sum().item(), found[0, 0, : size[0], : size[1]].min().item()) == (size[0] * size[1], 1)


def test_padding_colour_is_the_mean_and_0_once_standardised(slim_backbone):
    model = build_classifier(
        backbone=slim_backbone, conv5_dilation=1, dilations=[1], classes=1, block_width=8, head="shared"
    )
    assert fill_colour(model) == (124, 116, 104)  # 255 times .485, .456, .406
    images = torch.tensor(fill_colour(model)).view(1, 3, 1, 1)
    assert model.standardise(images).abs().max() < 0.01


@pytest.fixture
def run(tmp_path, write_split, noise, slim_backbone, schedule):
    """Return a function that trains a slim classifier for an epoch on four photos, given changes of the arguments."""
    dark, bright = np.zeros((40, 33, 3), np.uint8), np.full((20, 50, 3), 250, np.uint8)
    photos = {"dark": (dark, "night", None), "bright": (bright, "day", None), "noisy/1": (noise(0, 40, 40), "", None)}
    arguments = {
        "train_csv": write_split("train", photos | {"both": (noise(1, 17, 64), "day;night", None)}),
        "val_csv": write_split("val", {"v": (bright, "day", None), "w": (dark[:9, :9], "night", None)}),
        "classes": ["day", "night"],
        "dilations": [1, 2],
        "names": ["d1", "d2"],
        "network": {"backbone": slim_backbone, "conv5_dilation": 1, "block_width": 8, "head": "per_block"},
        "init": "random",
        "weights": "",
        "weights_input": "auto",
        "view": {"crop_px": 33, "resize_long_side_px": [24, 48], "flip": True},
        "training": schedule | {"epochs": 2},
        "seed": 0,
        "device": "cpu",
        "threads": 1,
        "code": "c0de",
    }

    def train(name: str, **changes):
        train_classifier(**arguments | {"weights_pt": tmp_path / name / "weights.pt"} | changes)
        return load_state(tmp_path / name / "weights.pt")

    train.arguments, train.folder = arguments, tmp_path
    return train


def test_a_run_is_a_function_of_its_settings_and_seed(run):
    first = run("a")
    assert weights_hash(first) == weights_hash(run("b"))
    assert weights_hash(first) != weights_hash(run("c", seed=1))
    network = build_classifier(classes=2, dilations=[1, 2], **run.arguments["network"])
    load_strictly(network, first, source=run.folder)
    table = pd.read_csv(run.folder / "a" / "metrics.csv")
    assert list(table.columns) == ["epoch", "step", "lr", "loss", "mAP_d1", "mAP_d2"]
    assert table["step"].tolist() == [2, 4] and table[["mAP_d1", "mAP_d2"]].stack().between(0, 1).all()
    assert '"seed": 0' in read_torch(run.folder / "a" / "weights.pt")["settings"]


def test_training_goes_without_validation_images(run, write_split):
    run("a", val_csv=write_split("none", {}))
    assert list(pd.read_csv(run.folder / "a" / "metrics.csv").columns) == ["epoch", "step", "lr", "loss"]


def test_training_goes_on_from_a_file(run):
    start = run("a")
    stopped = run("b", init="file", weights=str(run.folder / "a" / "weights.pt"), training=run.arguments["training"])
    assert weights_hash(start) != weights_hash(stopped)
    with pytest.raises(InputError, match="no such weights file"):
        run("c", init="file", weights=str(run.folder / "none.pt"))
