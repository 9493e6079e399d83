"""Training the segmenter: which pixels its loss sees, and a run from files to files."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from mdc.data.manifest import read_manifest
from mdc.data.mask_files import read_mask, write_mask
from mdc.data.metrics import confusion, mean_iou
from mdc.networks.checkpoints import read_checkpoint, save_network
from mdc.networks.encoder import Encoder
from mdc.networks.grid import Grid
from mdc.networks.largefov import SegmenterDescription
from mdc.networks.weight_files import weights_hash
from mdc.predictions.inference import predict_scores
from mdc.runtime.errors import InputError, StoppedError
from mdc.runtime.hashes import file_digest
from mdc.segmenter.train import SegmenterTask, train_segmenter, training_masks
from mdc.storage.image_tables import read_table, write_table
from mdc.training.engine import KeepLastEpoch
from mdc.training.optimisation import Schedule
from tests.unit.networks.slim_networks import slim_classifier, slim_segmenter

LOG3 = math.log(3)
CORNERS = Grid(2)  # of 3 x 3 pixels, for 2 x 2 features


class Fixed(nn.Module):
    """Stands in for a network: gives the scores it was made with."""

    def __init__(self, scores: torch.Tensor, grid: Grid) -> None:
        super().__init__()
        self.scores = scores
        self.encoder = Encoder(nn.Identity(), channels=3, grid=grid, mean=(0, 0, 0), std=(1, 1, 1))

    def forward(self, images):
        return self.scores


def task_of(network, schedule, **settings) -> SegmenterTask:
    fixed = {
        "classes": 2,
        "metric": "mIoU_val",
        "loss_resolution": "network",
        "weak": False,
        "online_term": True,
        "online_warmup_epochs": 0,
    }
    return SegmenterTask(network, Schedule(**schedule), **fixed | settings)


def task(scores, schedule, *, grid=CORNERS, **settings) -> SegmenterTask:
    return task_of(Fixed(scores, grid), schedule, **settings)


def batch(mask, tags=((1.0,),), padding=None, strong=False) -> dict:
    mask = torch.tensor([mask])
    padding = torch.zeros_like(mask).bool() if padding is None else torch.tensor([padding])
    return {
        "image": torch.zeros(1, 3, *mask.shape[1:]),
        "mask": mask,
        "padding": padding,
        "tags": torch.tensor(tags),
        "strong": torch.tensor([strong]),
    }


# Two classes on 2 x 2 features; class 0 has probability 3/4 at the left features and 1/4 at the right ones.
SCORES = torch.tensor([[[[LOG3, 0.0], [LOG3, 0.0]], [[0.0, LOG3], [0.0, LOG3]]]])


def test_at_network_resolution_the_mask_counts_at_every_strideth_pixel(schedule):
    # the features sit on the corners of 3 x 3 pixels; the other pixels would cost more
    mask = [[0, 1, 1], [1, 0, 0], [255, 0, 0]]
    found = task(SCORES, schedule).loss(batch(mask))
    # labels 0, 1, 255, 0 with probabilities 3/4, 3/4, -, 1/4
    assert found.item() == pytest.approx((2 * math.log(4 / 3) + math.log(4)) / 3)


def test_at_image_resolution_scores_are_interpolated_between_corners(schedule):
    # 5 pixels from the left to the right feature: the second one lies a quarter of the way, the third half-way
    mask = [[0, 0, 0, 255, 255]] + [[255] * 5] * 4
    found = task(SCORES, schedule, loss_resolution="image").loss(batch(mask))
    # log-odds of class 0: log 3, log 3 / 2, 0; so its probability: 3/4, w / (1 + w) with w = square root of 3, 1/2
    w = math.sqrt(3)
    assert found.item() == pytest.approx((math.log(4 / 3) + math.log((1 + w) / w) + math.log(2)) / 3)


@pytest.mark.parametrize("pixels", [6, 7, 8])
def test_features_in_the_middles_of_patches_count_the_pixels_there(schedule, pixels):
    # patches of 3 pixels: features on the pixels 1 and 4; a third patch does not lie whole in 8 pixels
    mask = np.full((pixels, pixels), 255)
    mask[1, 1], mask[1, 4], mask[4, 4] = 0, 1, 0
    mask[::3] = mask[2::3] = 1
    found = task(SCORES, schedule, grid=Grid(3, 1)).loss(batch(mask.tolist()))
    assert found.item() == pytest.approx((2 * math.log(4 / 3) + math.log(4)) / 3)


def test_at_image_resolution_scores_go_on_beyond_features_in_the_middles_of_patches(schedule):
    # features on the pixels 1 and 4 of 6: the pixels 0 to 5 lie 0, 0, 1/3, 2/3, 1 and 1 of the way between them
    mask = [[255, 0, 0, 255, 255, 0]] + [[255] * 6] * 5
    found = task(SCORES, schedule, grid=Grid(3, 1), loss_resolution="image").loss(batch(mask))
    # log-odds of class 0: log 3, log 3 / 3, -log 3; so its probability: 3/4, w / (1 + w) with w = cube root of 3, 1/4
    w = 3 ** (1 / 3)
    assert found.item() == pytest.approx((math.log(4 / 3) + math.log((1 + w) / w) + math.log(4)) / 3)


def test_the_online_term_is_added_for_pseudo_masks_after_the_warm_up(schedule):
    example = batch([[0, 1, 255], [0, 1, 0], [255, 1, 255]])  # one labelled feature, of probability 3/4
    first = math.log(4 / 3)
    assert task(SCORES, schedule).loss(example).item() == pytest.approx(first)
    assert task(SCORES, schedule, weak=True, online_warmup_epochs=1).loss(example).item() == pytest.approx(first)
    assert task(SCORES, schedule, weak=True, online_term=False).loss(example).item() == pytest.approx(first)
    # online: the best of both classes has probability 3/4 at every feature
    assert task(SCORES, schedule, weak=True).loss(example).item() == pytest.approx(2 * math.log(4 / 3))
    human = example | {"strong": torch.tensor([True])}
    assert task(SCORES, schedule, weak=True).loss(human).item() == pytest.approx(first)


def test_padding_is_taken_at_the_same_pixels_as_the_mask(schedule):
    example = batch(
        [[255] * 3] * 3, tags=((0.0,),), padding=[[False, True, True], [True, False, False], [False, False, True]]
    )
    # no tags: the online mask is background, at the two left features only: probability 3/4
    assert task(SCORES, schedule, weak=True).loss(example).item() == pytest.approx(math.log(4 / 3))


def test_unlabelled_pixels_and_padding_influence_no_gradient_of_the_network(schedule):
    torch.manual_seed(0)
    network = slim_segmenter(dropout=0.0).build().eval()
    stride = network.encoder.grid.stride
    view = {
        "image": torch.randint(0, 256, (1, 3, 33, 33), dtype=torch.uint8),
        "mask": torch.randint(0, 3, (1, 33, 33)),
        "tags": torch.ones(1, 2),
        "padding": torch.zeros(1, 33, 33, dtype=torch.bool),
        "strong": torch.tensor([False]),
    }
    view["mask"][:, :, 17:] = 255
    view["padding"][:, 17:] = True
    view["mask"][:, 17:] = 255

    def gradients(scores_added: torch.Tensor) -> list[torch.Tensor]:
        """Return the gradients after something was added to the scores, as if the network said something else there."""
        network.zero_grad()
        hook = network.score.register_forward_hook(lambda module, inputs, scores: scores + scores_added)
        task_of(network, schedule, weak=True).loss(view).backward()
        hook.remove()
        return [parameter.grad.clone() for parameter in network.parameters()]

    side = 32 // stride + 1
    padded = torch.arange(side) * stride >= 17
    noise = torch.randn(1, 3, side, side)
    plain = gradients(torch.zeros(1, 3, side, side))
    in_padding = gradients(torch.where(padded[:, None].expand(side, side), noise, 0))
    in_photo = gradients(torch.where(padded[:, None].expand(side, side), 0, noise))
    assert all(torch.equal(first, second) for first, second in zip(plain, in_padding, strict=True))
    assert not all(torch.equal(first, second) for first, second in zip(plain, in_photo, strict=True))


def test_validation_is_the_mean_iou_at_the_size_of_the_photos_without_255(schedule):
    # the scores say class 0 in the left column and, as both are equally likely, in the middle one
    photos = [(torch.zeros(1, 3, 3, 3), torch.tensor([rows])) for rows in ([[0, 0, 1], [0, 1, 1]], [[255, 1, 1]])]
    # classes 0 and 1: 3 hits each, 2 pixels of class 1 are said to be 0; class 2 is nowhere, so it does not count
    validated = task(SCORES, schedule, classes=3)
    for _ in range(2):  # an epoch does not count with the one before
        validated.on_validation_epoch_start()
        for photo in photos:
            validated.validation_step(photo, 0)
        validated.on_validation_epoch_end()
        assert validated.metrics == {"mIoU_val": pytest.approx(3 / 5)}


@pytest.fixture
def run(tmp_path, write_split, noise, schedule):
    """Return a function that trains a slim segmenter for an epoch on three photos, given changes of the arguments."""
    truth = np.zeros((40, 33), np.uint8)
    truth[10:30] = 2
    photos = {name: (noise(i, 40, 33), "b", truth) for i, name in enumerate(["x", "y", "z"])}
    rows = []
    for name in photos:
        path = tmp_path / "pseudo" / f"{name}.png"
        write_mask(path, np.where(truth == 2, 1, 255).astype(np.uint8))
        rows.append((name, str(path), file_digest(path)))
    write_table(rows, tmp_path / "pseudo.csv")
    arguments = {
        "train_csv": write_split("train", photos),
        "val_csv": write_split("val", {"v": (noise(9, 40, 33), "b", truth), "untold": (noise(8, 9, 9), "b", None)}),
        "masks_csv": tmp_path / "pseudo.csv",
        "strong_csv": None,
        "classifier_pt": None,
        "description": slim_segmenter(),
        "init": "random",
        "weights": "",
        "augmentation": {"crop_px": 33, "resize_long_side_px": [], "flip": True},
        "loss_resolution": "network",
        "online_term": True,
        "online_warmup_epochs": 0,
        "strong_share": 0,
        "training": schedule,
        "seed": 0,
        "device": "cpu",
        "threads": 1,
        "code": "c0de",
    }

    def train(name: str, **changes):
        train_segmenter(**arguments | {"weights_pt": tmp_path / name / "weights.pt"} | changes)
        return read_checkpoint(tmp_path / name / "weights.pt", SegmenterDescription)[0]

    train.arguments, train.folder = arguments, tmp_path
    return train


def test_a_run_is_a_function_of_its_settings_seed_and_masks(run):
    first = run("a")
    assert weights_hash(first) == weights_hash(run("b"))
    others = [run("c", seed=1), run("d", masks_csv=None), run("e", online_warmup_epochs=1)]
    assert len({weights_hash(state) for state in [first, *others]}) == 4
    assert first["score.weight"].shape[0] == 3  # background and two classes


def test_validation_changes_no_weight_and_goes_on_after_an_interruption(run, monkeypatch):
    training = run.arguments["training"] | {"epochs": 3}
    description = slim_segmenter(fc_norm="batch", dropout=0.5)  # both act in training only
    settings = {"description": description, "training": training}
    whole = run("whole", **settings)
    without = run("without", description=description, training=training | {"validate_every_epochs": 4})
    assert weights_hash(whole) == weights_hash(without)
    table = pd.read_csv(run.folder / "whole/metrics.csv")
    assert list(table.columns) == ["epoch", "step", "lr", "loss", "mIoU_val"] and table["mIoU_val"].notna().all()
    assert list(pd.read_csv(run.folder / "without/metrics.csv")) == ["epoch", "step", "lr", "loss"]

    keep = KeepLastEpoch.on_train_epoch_end

    def keep_and_stop(*arguments):
        keep(*arguments)
        raise StoppedError

    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        patch.setattr(KeepLastEpoch, "on_train_epoch_end", keep_and_stop)
        run("cut", **settings)
    assert weights_hash(run("cut", **settings)) == weights_hash(whole)
    assert (run.folder / "cut/metrics.csv").read_bytes() == (run.folder / "whole/metrics.csv").read_bytes()


@pytest.mark.parametrize("split", ["val", "train"])
def test_the_last_value_is_the_score_of_the_predictions(run, split):
    changes = {"val": {}, "train": {"val_csv": None, "masks_csv": None}}[split]  # against true masks, in both cases
    run("a", **changes)
    predict_scores(
        split_csv=run.folder / f"{split}.csv",
        weights_pt=run.folder / "a/weights.pt",
        scores_h5=run.folder / "scores.h5",
        masks_csv=run.folder / "predicted.csv",
        folder=run.folder / "predicted",
        shard=0,
        shards=1,
        device="cpu",
        threads=1,
    )
    predicted = read_table([run.folder / "predicted.csv"])
    truth = read_manifest(run.folder / f"{split}.csv").set_index("id")["mask"]
    table = sum(
        confusion(read_mask(truth[name]), read_mask(predicted[name]), classes=2) for name in predicted if truth[name]
    )
    found = pd.read_csv(run.folder / "a/metrics.csv")[f"mIoU_{split}"]
    assert found.tolist() == pytest.approx([mean_iou(table)])


def test_true_masks_train_on_the_manifests_masks(run):
    # the pseudo masks say class 1 and nothing else, the true masks background and class 2
    training = run.arguments["training"] | {"epochs": 8, "lr": 0.05}
    settings = {"training": training, "online_warmup_epochs": 99}
    pseudo, true = run("a", **settings)["score.bias"], run("b", masks_csv=None, **settings)["score.bias"]
    assert pseudo.argmax() == 1 and true.argmin() == 1


def test_strong_images_have_human_masks_and_those_of_val_come_after_the_others():
    def rows(*names):
        return pd.DataFrame({"id": names, "mask": [f"true/{name}.png" for name in names]})

    table, masks, strong = training_masks(rows("x", "y", "z"), ["p/x", "p/y", "p/z"], rows("y", "v"))
    assert list(table["id"]) == ["x", "y", "z", "v"]
    assert masks == ["p/x", "true/y.png", "p/z", "true/v.png"]
    assert strong == [False, True, False, True]
    assert training_masks(rows("x"), ["p/x"], None)[1:] == (["p/x"], [False])
    assert training_masks(rows("x"), None, None)[1:] == (["true/x.png"], [True])


def test_all_images_strong_is_training_on_true_masks(run):
    everything = run.arguments["train_csv"]
    assert weights_hash(run("a", strong_csv=everything)) == weights_hash(run("b", masks_csv=None))
    assert weights_hash(run("c")) != weights_hash(run("d", masks_csv=None))


def test_init_classifier_takes_the_classifiers_encoder(run):
    torch.manual_seed(7)
    description = slim_classifier(classes=["x", "y", "z"], dilations=[1, 3, 6])
    donor = description.build()
    donor.encoder.set_standardisation((1 / 255, 2 / 255, 3 / 255), (1, 1, 1))
    save_network(run.folder / "donor.pt", donor, description, settings={})
    training = run.arguments["training"] | {"lr": 1e-12}
    state = run("a", init="classifier", classifier_pt=run.folder / "donor.pt", training=training)
    name = "encoder.layers.conv1_1.weight"
    torch.testing.assert_close(state[name], donor.state_dict()[name])
    assert state["encoder.mean"].flatten().tolist() == [1, 2, 3]  # what the encoder expects comes with it


@pytest.mark.parametrize(("index", "found"), [(255, "none of the 3 training masks has a labelled pixel"), (0, None)])
def test_masks_without_a_labelled_pixel_stop_the_run_and_without_a_class_are_named(run, caplog, index, found):
    for name in ("x", "y", "z"):
        write_mask(run.folder / "pseudo" / f"{name}.png", np.full((40, 33), index, np.uint8))
    if found:
        with pytest.raises(InputError, match=found):
            run("a")
    else:
        run("a")
        assert any("none of the 3 training masks shows a class" in line for line in caplog.messages)
