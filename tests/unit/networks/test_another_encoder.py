"""An encoder of one file, `encoders/tiny.py`, goes all the way through both networks; nothing of VGG is asked for."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mdc.cams.dump import dump_cams
from mdc.cams.files import cams_info, read_cams
from mdc.classifier import train_classifier
from mdc.config import parameters
from mdc.config.load import load_config
from mdc.config.paths import Paths, Weights
from mdc.data.mask_files import read_mask, write_mask
from mdc.export import export_segmenter
from mdc.networks.checkpoints import load_network
from mdc.networks.grid import Grid
from mdc.networks.init_weights import initialise, start_network
from mdc.networks.multi_dilation import ClassifierDescription
from mdc.networks.weight_files import read_torch
from mdc.predict.segmenter import Segmenter
from mdc.predictions.files import read_scores
from mdc.predictions.inference import predict_scores
from mdc.runtime.hashes import file_digest
from mdc.segmenter.train import train_segmenter
from mdc.storage.image_tables import read_table, write_table
from mdc.training.optimisation import Schedule, build_optimizer
from tests.unit.networks.slim_networks import DESCRIPTIONS, slim_classifier, slim_segmenter

TINY = {"name": "tiny"}
DESCRIBED = {"classifier": slim_classifier, "segmenter": slim_segmenter}
ADDED = {"classifier": {"blocks", "heads"}, "segmenter": {"fc6", "fc7", "score"}}
both_stages = pytest.mark.parametrize("stage", DESCRIBED)


@pytest.fixture(autouse=True)
def tiny_alone(tiny_encoder, monkeypatch) -> None:
    """Let nothing build VGG or read its weights."""

    def asked(*_, **__):
        raise AssertionError("VGG is asked for")

    for name in ("build", "read_pretrained"):
        monkeypatch.setattr(f"mdc.networks.encoders.vgg.Keys.{name}", asked)
    monkeypatch.setattr("mdc.networks.vgg16_files.read_vgg16", asked)


@pytest.fixture
def weights(tmp_path) -> Path:
    """Return a file with pre-trained weights of the encoder's first layer, and of a layer that it has not."""
    torch.manual_seed(7)
    patches = nn.Conv2d(3, 8, 6, stride=6).state_dict()
    state = {f"patches.{name}": tensor for name, tensor in patches.items()} | {"head.weight": torch.zeros(5, 8)}
    torch.save(state, tmp_path / "tiny.pth")
    return tmp_path / "tiny.pth"


def first_parts(names) -> set[str]:
    return {name.split(".")[0] for name in names}


@both_stages
def test_it_starts_from_its_own_weights_and_its_new_layers_as_drawn(stage, weights):
    description = DESCRIBED[stage](encoder=TINY)
    network = start_network(description, seed=0, init="random", weights="")
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    uses = initialise(network, description, init="pretrained", weights=str(weights))
    new = {name for name, use in uses.items() if use == "new"}
    taken = {"patches.weight": "encoder", "patches.bias": "encoder", "head.weight": "unused"}
    assert {name: use for name, use in uses.items() if name not in new} == taken
    of_encoder = {name for name in new if name.startswith("encoder.")}
    mixing = {f"encoder.layers.mixing.{layer}.{kind}" for layer in (0, 1) for kind in ("weight", "bias")}
    assert of_encoder == mixing and first_parts(new - mixing) == ADDED[stage]
    after = network.state_dict()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert changed == {"encoder.layers.patches.weight", "encoder.layers.patches.bias", "encoder.mean"}
    assert torch.equal(after["encoder.layers.patches.weight"], read_torch(weights)["patches.weight"])
    assert after["encoder.mean"].flatten().tolist() == pytest.approx([25.5, 51, 76.5])  # as the file's input is


def rates(network: nn.Module, schedule: dict) -> dict[str, float]:
    """Return the learning rate of every parameter that the optimiser has, relative to `training.lr`."""
    names = {parameter: name for name, parameter in network.named_parameters()}
    settings = schedule | {"lr": 0.001, "bias_lr_factor": 2, "new_layer_lr_factor": 10}
    groups = build_optimizer(network, Schedule(**settings)).param_groups
    return {names[parameter]: group["lr"] / 0.001 for group in groups for parameter in group["params"]}


@both_stages
def test_new_layers_learn_at_their_rate_and_frozen_ones_not_at_all(stage, weights, schedule):
    for frozen in (False, True):
        description = DESCRIBED[stage](encoder=TINY | {"frozen": frozen})
        network = start_network(description, seed=0, init="pretrained", weights=str(weights))
        found = rates(network, schedule)
        old = {name: rate for name, rate in found.items() if "patches" in name}
        patches = {"encoder.layers.patches.weight": pytest.approx(1), "encoder.layers.patches.bias": pytest.approx(2)}
        assert old == ({} if frozen else patches)
        new = {name: rate for name, rate in found.items() if name not in old}
        assert first_parts(new) == {"encoder"} | ADDED[stage] and "encoder.layers.mixing.1.weight" in new
        # normalisation learns at the rate of biases, as DeepLab's solver has it
        slow = {name for name in new if not name.endswith("bias") and name != "encoder.layers.mixing.0.weight"}
        assert new == {name: pytest.approx(10 if name in slow else 20) for name in new}
        assert len(found) == len(list(network.parameters())) - (2 if frozen else 0)


@pytest.fixture
def training(tmp_path, write_split, noise, schedule) -> dict:
    """Return what both trainings are given: a table of two photos, one step of them, a crop that is no whole patches.

    Their truths are b above and background below.
    """
    truth = np.zeros((40, 33), np.uint8)
    truth[:20] = 2
    return {
        "train_csv": write_split("train", {name: (noise(i, 40, 33), "b", truth) for i, name in enumerate("xy")}),
        "augmentation": {"crop_px": 33, "resize_long_side_px": [], "flip": True},
        "training": schedule,
        "seed": 0,
        "device": "cpu",
        "threads": 1,
        "code": "",
    }


def classifier_trained(folder: Path, training: dict, weights: Path) -> Path:
    train_classifier(
        **training,
        val_csv=training["train_csv"],
        weights_pt=folder / "classifier/weights.pt",
        description=slim_classifier(encoder=TINY),
        init="pretrained",
        weights=str(weights),
    )
    return folder / "classifier/weights.pt"


def segmenter_trained(folder: Path, training: dict, **start) -> Path:
    rows = []
    for name in "xy":
        path = folder / "pseudo" / f"{name}.png"
        write_mask(path, np.full((40, 33), 1, np.uint8))
        rows.append((name, str(path), file_digest(path)))
    write_table(rows, folder / "pseudo.csv")
    fixed = {"init": "random", "weights": "", "classifier_pt": None, "loss_resolution": "network"}
    train_segmenter(
        **training | fixed | start,
        val_csv=training["train_csv"],
        masks_csv=folder / "pseudo.csv",
        strong_csv=None,
        weights_pt=folder / "segmenter/weights.pt",
        description=slim_segmenter(encoder=TINY),
        online_term=True,
        online_warmup_epochs=0,
        strong_share=0,
    )
    return folder / "segmenter/weights.pt"


def test_a_classifier_is_trained_and_its_maps_lie_on_the_encoders_grid(tmp_path, training, weights):
    path = classifier_trained(tmp_path, training, weights)
    network, description = load_network(path, ClassifierDescription)
    assert description == slim_classifier(encoder=TINY)
    start = start_network(description, seed=0, init="pretrained", weights=str(weights)).state_dict()
    moved = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, start[name])}
    assert moved >= {"encoder.layers.patches.weight", "encoder.layers.mixing.1.weight", "heads.1.weight"}
    cams_h5 = tmp_path / "cams.h5"
    places = {"split_csv": training["train_csv"], "weights_pt": path, "cams_h5": cams_h5, "shard": 0, "shards": 1}
    dump_cams(**places, settings={"scales": [1], "flip": False}, device="cpu", threads=1)
    assert cams_info(cams_h5).grid == Grid(6, 2.5)
    found = list(read_cams(cams_h5))
    assert [cams.maps.shape for cams in found] == [(2, 1, 7, 6)] * 2  # 40 x 33 pixels are 7 x 6 patches, some padded
    assert Grid(6, 2.5).upsample(found[0].maps, height=40, width=33).shape == (2, 1, 40, 33)


def test_a_segmenter_is_trained_predicts_and_is_exported(tmp_path, training, weights, noise, schedule):
    start = {"init": "pretrained", "weights": str(weights)}
    source = {f"encoder.layers.{name}": tensor for name, tensor in read_torch(weights).items()}
    # so slow that the weights stay where they started, within what the test can tell
    slow = training | {"training": schedule | {"lr": 1e-12}}
    first = read_torch(segmenter_trained(tmp_path / "slow", slow, **start))["state"]["encoder.layers.patches.weight"]
    torch.testing.assert_close(first, source["encoder.layers.patches.weight"])
    path = segmenter_trained(tmp_path, training, loss_resolution="image", **start)
    segmenter = Segmenter.load(path, device="cpu")
    predict_scores(
        split_csv=training["train_csv"],
        weights_pt=path,
        scores_h5=tmp_path / "s.h5",
        masks_csv=tmp_path / "masks.csv",
        folder=tmp_path / "masks",
        shard=0,
        shards=1,
        device="cpu",
        threads=1,
    )
    table = read_table([tmp_path / "masks.csv"])
    for number, stored in enumerate(read_scores(tmp_path / "s.h5")):
        photo = noise(number, 40, 33)
        assert stored.scores.shape == (3, 7, 6) and stored.scores.std() > 0
        np.testing.assert_array_equal(segmenter.scores(photo), stored.scores)
        np.testing.assert_array_equal(segmenter(photo), read_mask(table[stored.id]))
    export_segmenter(weights_pt=path, onnx_file=tmp_path / "s.onnx", threads=1)  # which compares the logits
    assert (tmp_path / "s.onnx").is_file()


def values(**encoder) -> dict:
    return {"encoder": TINY | encoder, "classifier": {"ablations": {}}}


def test_the_configuration_takes_it_by_its_name(weights):
    config = load_config(values(weights=str(weights), width=16))
    assert config.stride("mdc") == 6
    for stage in DESCRIBED:
        assert Paths(config).weights(stage, "mdc") == Weights(path=str(weights), watched=str(weights))
        assert parameters.encoder_module(config, stage, "mdc") == "mdc.networks.encoders.tiny"
        described = parameters.network_keys(config, stage, "mdc")
        assert described["encoder"] == {"name": "tiny", "width": 16, "frozen": False}
        network = DESCRIPTIONS[stage](classes=["a"], **described).build()
        assert network.encoder.channels == 16 and network.encoder.grid == Grid(6, 2.5)
