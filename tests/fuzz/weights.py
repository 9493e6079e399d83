"""Files of PyTorch: the networks that the stages make of them, beside what torch.load reads."""

import functools
import io
import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mdc.cams.dump import dump_cams
from mdc.cams.files import read_cams
from mdc.networks.checkpoints import load_network, read_checkpoint
from mdc.networks.init_weights import initialise
from mdc.networks.largefov import SegmenterDescription
from mdc.networks.multi_dilation import ClassifierDescription
from mdc.predict.segmenter import Segmenter
from mdc.segmenter.train import train_segmenter
from tests.fuzz.checksums import with_checksums
from tests.fuzz.formats.torch_files import TORCH, torch_description
from tests.fuzz.kind import Mutant
from tests.fuzz.originals import CLASSIFIER, RUN, segmenter_arguments


def _segmenter(data: bytes, folder: Path) -> dict:
    """Load a segmenter as from Python and predict with it; also start another one from it."""
    path = folder / "weights.pt"
    path.write_bytes(data)
    segmenter = Segmenter.load(path, device="cpu")
    mask = segmenter(RUN / "synthetic/JPEGImages/val_000000.jpg")
    return {
        "state": segmenter.network.state_dict(),
        "classes": segmenter.classes,
        "max_side_px": segmenter.max_side_px,
        "mask": mask,
    }


def _described(content: dict) -> dict:
    """Return the description in a checkpoint; numbers in the place of names stand for their texts."""
    described = json.loads(content["description"])
    return described | {"classes": list(map(str, described["classes"]))}


def _judge_segmenter(mutant: Mutant, found: dict) -> str:
    content = torch.load(io.BytesIO(mutant.data), weights_only=True)
    described = _described(content)
    if not isinstance(found["max_side_px"], int) or found["max_side_px"] < 1:
        return f"max_side_px {found['max_side_px']!r}"
    if not all(isinstance(name, str) for name in found["classes"]) or len(set(found["classes"])) < len(
        found["classes"]
    ):
        return f"classes {found['classes']}"
    if list(found["classes"][1:]) != described["classes"] or found["max_side_px"] != described["max_side_px"]:
        return "another description than the file holds"
    if found["mask"].max() >= len(found["classes"]):
        return f"index {found['mask'].max()} in a mask"
    return _other_state(found["state"], content["state"])


def _other_state(found: dict, stored: dict) -> str:
    if found.keys() != stored.keys():
        return "other tensors than the file holds"
    for name, tensor in found.items():
        if tensor.shape != stored[name].shape or not torch.equal(tensor, stored[name].to(tensor.dtype)):
            return f"{name}: other values than the file holds"
        if not torch.isfinite(tensor).all():
            return f"{name}: values that are not finite"
        if stored[name].dtype.is_complex or stored[name].dtype == torch.bool:
            return f"{name}: {stored[name].dtype} taken for numbers"
    return ""


def _classifier(data: bytes, folder: Path) -> dict:
    (folder / "weights.pt").write_bytes(data)
    dump_cams(
        split_csv=RUN / "data/val.csv",
        weights_pt=folder / "weights.pt",
        cams_h5=folder / "val.h5",
        settings={},
        shard=0,
        shards=1,
        device="cpu",
        threads=1,
    )
    network, description = load_network(folder / "weights.pt", ClassifierDescription)
    return {
        "state": network.state_dict(),
        "description": description.model_dump(),
        "items": [vars(item) for item in read_cams(folder / "val.h5")],
    }


def _judge_classifier(mutant: Mutant, found: dict) -> str:
    content = torch.load(io.BytesIO(mutant.data), weights_only=True)
    described = _described(content)
    if any(found["description"][key] != described[key] for key in ("classes", *CLASSIFIER)):
        return "another description than the file holds"
    maps = found["items"][0]["maps"]
    if not np.isfinite(maps).all() or len(maps) != len(described["dilations"]):
        return f"maps {maps.shape}, or not finite"
    return _other_state(found["state"], content["state"])


def _resumed(data: bytes, folder: Path) -> dict:
    """Continue a stopped training; return the weights with which it ends, and its history."""
    (name,) = (path.name for path in (RUN / "stopped").glob("resume-*.ckpt"))
    (folder / name).write_bytes(data)
    train_segmenter(**segmenter_arguments(RUN, folder / "weights.pt"))
    state, _ = read_checkpoint(folder / "weights.pt", SegmenterDescription)
    return {"state": state, "history": (folder / "metrics.csv").read_text()}


def _read_resume(mutant: Mutant, found: dict) -> str:
    """The two epochs must have been trained, to weights that can be."""
    epochs = [line.split(",")[0] for line in found["history"].splitlines()[1:]]
    if epochs != ["1", "2"]:
        return f"a history of the epochs {epochs}"
    if not all(torch.isfinite(tensor).all() for tensor in found["state"].values()):
        return "weights that are not finite"
    return _not_from(mutant, found)


def _not_from(mutant: Mutant, found: dict) -> str:
    """Return what of the state that was to be continued was not taken, judged by which tensors the mutation changed."""
    state = torch.load(io.BytesIO(mutant.data), weights_only=False)["state_dict"]
    wrong = [name for name, tensor in state.items() if tensor.shape != found["state"][name.split(".", 1)[1]].shape]
    return f"{wrong[0]}: of another shape" if wrong else ""


VGG16 = ClassifierDescription(
    classes=["cat", "dog"], encoder={"name": "vgg", "weights_input": "torchvision"}, **CLASSIFIER
)


@functools.cache
def _vgg16_classifier() -> nn.Module:
    return VGG16.build()


def _vgg16(data: bytes, folder: Path) -> dict:
    path = folder / "vgg16.pth"
    path.write_bytes(data)
    network = _vgg16_classifier()
    initialise(network, VGG16, init="pretrained", weights=str(path))
    convolutions = [tensor.clone() for name, tensor in network.state_dict().items() if ".layers.conv" in name]
    return {"state": convolutions}


def _read_vgg16(mutant: Mutant, found: dict) -> str:
    stored = list(torch.load(io.BytesIO(mutant.data), weights_only=True).items())
    stored.sort(key=lambda item: (int(item[0].split(".")[1]), item[0].endswith("bias")))
    for tensor, (name, expected) in zip(found["state"], stored, strict=True):
        if tensor.shape != expected.shape or not torch.equal(tensor, expected.to(tensor.dtype)):
            return f"{name}: other values than the file holds"
        if not torch.isfinite(tensor).all():
            return f"{name}: values that are not finite"
    return ""


WEIGHTS = (*TORCH, torch_description, torch_description)
SEGMENTER_PT, CLASSIFIER_PT = "run/segmenter/weights.pt", "run/classifier/weights.pt"
# finite weights that make maps which are not, and classes that are not those of the photos
BY_MAPS = r"weights\.pt|has diverged|the manifest's tags"
KINDS = (
    with_checksums("weights-segmenter", r"weights\.pt", SEGMENTER_PT, WEIGHTS, _segmenter, _judge_segmenter),
    with_checksums("weights-classifier", BY_MAPS, CLASSIFIER_PT, WEIGHTS, _classifier, _judge_classifier, 0.6),
    with_checksums("vgg16", r"vgg16\.pth", "vgg16.pth", TORCH, _vgg16, _read_vgg16, 0.4),
    with_checksums("resume", r"resume-.*\.ckpt", "resume.ckpt", TORCH, _resumed, _read_resume, 0.4),
)
