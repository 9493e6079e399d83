"""Files of PyTorch: the networks that the stages make of them, beside what torch.load reads."""

import functools
import io
import json
from pathlib import Path

import numpy as np
import torch

from mdc.cams.dump import dump_cams
from mdc.networks.checkpoints import load_state
from mdc.networks.init_weights import initialise
from mdc.networks.multi_dilation import build_classifier
from mdc.predict.segmenter import Segmenter
from mdc.segmenter.train import train_segmenter
from mdc.storage.hdf5 import read_cams
from tests.fuzz.checksums import with_checksums
from tests.fuzz.formats.torch_files import TORCH, torch_settings
from tests.fuzz.kind import Mutant
from tests.fuzz.originals import CLASSIFIER, DILATIONS, RUN, classes_of_run, segmenter_arguments
from tests.voc_archives import VGG16_BACKBONE


def _segmenter(data: bytes, folder: Path) -> dict:
    """Load a segmenter as from Python and predict with it; also start another one from it."""
    path = folder / "weights.pt"
    path.write_bytes(data)
    segmenter = Segmenter.load(path, device="cpu")
    mask = segmenter(RUN / "shapes/JPEGImages/val_000000.jpg")
    return {
        "state": segmenter.network.state_dict(),
        "classes": segmenter.classes,
        "max_side_px": segmenter.max_side_px,
        "mask": mask,
    }


def _judge_segmenter(mutant: Mutant, found: dict) -> str:
    content = torch.load(io.BytesIO(mutant.data), weights_only=True)
    settings = json.loads(content["settings"])
    if not isinstance(found["max_side_px"], int) or found["max_side_px"] < 1:
        return f"max_side_px {found['max_side_px']!r}"
    if not all(isinstance(name, str) for name in found["classes"]) or len(set(found["classes"])) < len(
        found["classes"]
    ):
        return f"classes {found['classes']}"
    if list(found["classes"][1:]) != settings["classes"] or found["max_side_px"] != settings["max_side_px"]:
        return "other settings than the file holds"
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
        classes=classes_of_run(),
        dilations=DILATIONS,
        network=CLASSIFIER,
        shard=0,
        shards=1,
        device="cpu",
        threads=1,
    )
    return {"state": load_state(folder / "weights.pt"), "items": [vars(item) for item in read_cams(folder / "val.h5")]}


def _judge_classifier(mutant: Mutant, found: dict) -> str:
    if not np.isfinite(found["items"][0]["maps"]).all():
        return "maps that are not finite"
    model = build_classifier(dilations=DILATIONS, classes=len(classes_of_run()), **CLASSIFIER)
    stored = torch.load(io.BytesIO(mutant.data), weights_only=True)["state"]
    model.load_state_dict(stored)
    return _other_state(model.state_dict(), stored)


def _resumed(data: bytes, folder: Path) -> dict:
    """Continue a stopped training; return the weights with which it ends, and its history."""
    (name,) = (path.name for path in (RUN / "stopped").glob("resume-*.ckpt"))
    (folder / name).write_bytes(data)
    train_segmenter(**segmenter_arguments(RUN, folder / "weights.pt"))
    return {"state": load_state(folder / "weights.pt"), "history": (folder / "metrics.csv").read_text()}


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


@functools.cache
def _vgg16_classifier():
    return build_classifier(
        backbone=VGG16_BACKBONE, conv5_dilation=1, dilations=[1], classes=2, block_width=8, head="shared"
    )


def _vgg16(data: bytes, folder: Path) -> dict:
    path = folder / "vgg16.pth"
    path.write_bytes(data)
    network = _vgg16_classifier()
    initialise(network, init="imagenet", weights=str(path), weights_input="torchvision", classifier_state=None)
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


WEIGHTS = (*TORCH, torch_settings, torch_settings)
SEGMENTER_PT, CLASSIFIER_PT = "run/segmenter/weights.pt", "run/classifier/weights.pt"
BY_MAPS = r"weights\.pt|has diverged"  # finite weights that make maps which are not
KINDS = (
    with_checksums("weights-segmenter", r"weights\.pt", SEGMENTER_PT, WEIGHTS, _segmenter, _judge_segmenter),
    with_checksums("weights-classifier", BY_MAPS, CLASSIFIER_PT, WEIGHTS, _classifier, _judge_classifier, 0.6),
    with_checksums("vgg16", r"vgg16\.pth", "vgg16.pth", TORCH, _vgg16, _read_vgg16, 0.4),
    with_checksums("resume", r"resume-.*\.ckpt", "resume.ckpt", TORCH, _resumed, _read_resume, 0.4),
)
