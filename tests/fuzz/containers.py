"""HDF5 files, weights, archives and MATLAB files.

What is accepted of a file whose bytes were changed at random must be what one of the intact files holds: all these
formats but plain tar have checksums. A file that a writer of the format made is read with the format's own library.
"""

import functools
import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from scipy.io import loadmat

from mdc.archives import RECORD, unpack
from mdc.cams import dump_cams, link_cams
from mdc.crf import apply_crf
from mdc.masks import fuse_masks
from mdc.models.multi_dilation import build_classifier
from mdc.models.start import initialise
from mdc.models.weights import load_state
from mdc.predict import Segmenter
from mdc.sbd import convert_sbd
from mdc.segmenter import train_segmenter
from mdc.store import read_cams, read_scores
from mdc.store_checks import plain
from mdc.tables import paths_of
from mdc.voc import read_mask
from tests.fuzz.kind import Kind, Mutant
from tests.fuzz.originals import CLASSIFIER, DILATIONS, NAMES, RECIPE, segmenter_arguments
from tests.fuzz.structures import HDF5, MAT, TAR, TORCH, torch_settings
from tests.voc_archives import VGG16_BACKBONE

RUN = Path("originals/run")
CRF = {
    "iterations": 2,
    "gaussian_weight": 3,
    "gaussian_sxy": 3,
    "bilateral_weight": 5,
    "bilateral_sxy": 30,
    "bilateral_srgb": 10,
    "min_probability": 0.05,
}


def _classes() -> list[str]:
    return (RUN / "data/classes.txt").read_text().split()


def same(a: Any, b: Any) -> bool:
    """Return whether two results are equal: nested dicts, lists and tuples of arrays, tensors and plain values."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, (np.ndarray, torch.Tensor)) or isinstance(b, (np.ndarray, torch.Tensor)):
        a, b = map(torch.as_tensor, (a, b))
        return a.dtype == b.dtype and torch.equal(a, b)
    return a == b


def judge_by(
    originals: tuple[str, ...], consume: Callable[[bytes, Path], Any], read: Callable[[Mutant, Any], str]
) -> Callable[[Mutant, Any], str]:
    """Return a judge: files changed at random must read as an intact one, others as `read` says."""

    @functools.cache
    def intact(name: str) -> Any:
        folder = Path(f"intact-{abs(hash(name))}")
        folder.mkdir()
        try:
            return consume(Path("originals", name).read_bytes(), folder)
        finally:
            shutil.rmtree(folder)

    def judge(mutant: Mutant, found: Any) -> str:
        if any(same(found, intact(name)) for name in originals):
            return ""
        return read(mutant, found) if mutant.is_whole else "accepted, with other content than any intact file"

    return judge


# --- maps and scores
def _cams(data: bytes, folder: Path) -> dict:
    """Make masks of the maps of a shard; return what was read, and the masks by id."""
    (folder / "train.h5").write_bytes(data)
    fuse_masks(
        cams_h5=[folder / "train.h5"],
        saliency_csv=[RUN / "saliency/train.csv"],
        masks_csv=folder / "masks.csv",
        setting="fusion",
        names=NAMES,
        recipe=RECIPE,
        sweep_csv=None,
        processes=1,
    )
    ids = [f"train_00000{number}" for number in range(3)]
    masks = {id: read_mask(Path(path)) for id, path in zip(ids, paths_of(ids, [folder / "masks.csv"]), strict=True)}
    return {"items": [vars(item) for item in read_cams(folder / "train.h5")], "masks": masks}


def _read_cams(mutant: Mutant, found: dict) -> str:
    return _read_hdf5(mutant, found["items"], ("maps", "class_ids", "logits"))


def _own_maps(data: bytes, folder: Path) -> dict:
    (folder / "own.h5").write_bytes(data)
    link_cams(
        own_h5=folder / "own.h5",
        split_csv=RUN / "data/train.csv",
        cams_h5=folder / "train.h5",
        classes=_classes(),
        dilations=DILATIONS,
        shard=0,
        shards=1,
    )
    return {"items": [vars(item) for item in read_cams(folder / "train.h5")]}


def _scores(data: bytes, folder: Path) -> dict:
    (folder / "val.h5").write_bytes(data)
    apply_crf(
        split_csv=RUN / "data/val.csv",
        scores_h5=folder / "val.h5",
        masks_csv=folder / "masks.csv",
        folder=folder / "masks",
        parameters=CRF,
        processes=1,
    )
    masks = [read_mask(Path(path)) for path in paths_of(["val_000000"], [folder / "masks.csv"])]
    return {"items": [vars(item) for item in read_scores(folder / "val.h5")], "masks": masks}


def _read_scores(mutant: Mutant, found: dict) -> str:
    return _read_hdf5(mutant, found["items"], ("scores",))


def _read_hdf5(mutant: Mutant, items: list[dict], parts: tuple[str, ...]) -> str:
    """Return in what the items differ from those that plain h5py reads, or which values cannot be."""
    with h5py.File(io.BytesIO(mutant.data)) as file:
        classes = len(file.attrs["classes"])
        groups = {plain(group.attrs.get("id")): group for group in file.values() if isinstance(group, h5py.Group)}
        for item in items:
            group = groups[item["id"]]
            if isinstance(file.get(group.name, getlink=True), (h5py.SoftLink, h5py.ExternalLink)):
                return f"{item['id']} is a link to another place"
            if (item["height"], item["width"]) != (group.attrs["height"], group.attrs["width"]):
                return f"another size of {item['id']}"
            for part in parts:
                dataset, array = group[part], item[part]
                if array.size and not dataset.id.get_storage_size():
                    return f"{part} of {item['id']}: zeros where nothing was stored"
                if dataset.is_virtual or dataset.external:
                    return f"{part} of {item['id']}: values of another file"
                if array.shape != dataset.shape or not np.array_equal(array, dataset[...].astype(array.dtype)):
                    return f"{part} of {item['id']}: other values than h5py reads"
                if not np.isfinite(array.astype(float)).all():
                    return f"{part} of {item['id']}: values that are not finite"
            if "class_ids" in item and not set(item["class_ids"].tolist()) <= set(range(1, classes + 1)):
                return f"class_ids {item['class_ids']} of {classes} classes"
    return ""


# --- weights
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
        classes=_classes(),
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
    model = build_classifier(dilations=DILATIONS, classes=len(_classes()), **CLASSIFIER)
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


# --- VGG16
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


# --- archives
DATASET = "benchmark_RELEASE/dataset"
MEMBERS = [f"{DATASET}/{part}" for part in ("train.txt", "val.txt", "cls/*.mat")]


def _unpacked(data: bytes, folder: Path, *, suffix: str) -> dict[str, bytes]:
    """Unpack an archive; return all files by their paths from one folder above."""
    archive = folder / f"archive{suffix}"
    archive.write_bytes(data)
    unpack(archive, folder / "data/sbd", members=MEMBERS, unpacked_mb=1, is_known=False)
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path != archive and not path.is_dir()}
    assert not any(path.is_symlink() for path in files.values())
    return {name: path.read_bytes() for name, path in files.items() if path.name != RECORD and ".lock" not in name}


def _judge_archive(mutant: Mutant, found: dict[str, bytes]) -> str:
    strays = [name for name in found if not name.startswith(f"data/sbd/{DATASET}/")]
    if strays:
        return f"files outside of the folder: {strays}"
    expected = {}
    with tarfile.open(fileobj=io.BytesIO(mutant.data)) as tar:
        for member in tar:
            name = member.name.removeprefix("./")
            if member.isfile() and (
                name in MEMBERS[:2] or (name.startswith(MEMBERS[2][:-5]) and name.endswith(".mat"))
            ):
                expected["data/sbd/" + "/".join(part for part in name.split("/") if part)] = tar.extractfile(
                    member
                ).read()
    missing, more = expected.keys() - found.keys(), found.keys() - expected.keys()
    if missing or more:
        return f"missing {sorted(missing)}, more {sorted(more)}"
    other = [name for name in found if found[name] != expected[name]]
    return f"other content of {other}" if other else ""


def _tgz(data: bytes, folder: Path) -> dict[str, bytes]:
    return _unpacked(data, folder, suffix=".tgz")


# --- SBD
def _sbd(data: bytes, folder: Path) -> np.ndarray:
    (folder / "sbd/cls").mkdir(parents=True)
    (folder / "sbd/cls/mutant.mat").write_bytes(data)
    (folder / "sbd/train.txt").write_text("mutant\n")
    (folder / "sbd/val.txt").write_text("")
    convert_sbd(folder / "sbd", folder=folder / "masks", table_csv=folder / "masks.csv", processes=1)
    return read_mask(Path(*paths_of(["mutant"], [folder / "masks.csv"])))


def _read_sbd(mutant: Mutant, found: np.ndarray) -> str:
    stored = np.asarray(loadmat(io.BytesIO(mutant.data))["GTcls"]["Segmentation"].item())
    if found.max() > 20 or not np.array_equal(found, stored):
        return "other indices than the file stores"
    return "" if stored.dtype.kind in "uif" else f"{stored.dtype} taken for class indices"


WEIGHTS = (*TORCH, torch_settings, torch_settings)


def _with_checksums(name: str, names: str, original: str, mutators, consume, read, share: float = 1) -> Kind:
    """Return a kind of files whose bytes have checksums: `read` judges only what a writer of the format has made."""
    return Kind(
        name=name,
        names=names,
        suffix=Path(original).suffix,
        originals=(original,),
        mutators=mutators,
        consume=consume,
        judge=judge_by((original,), consume, read),
        share=share,
    )


KINDS = (
    _with_checksums("cams", r"train\.h5|masks\.csv", "run/cams/train.h5", HDF5, _cams, _read_cams),
    _with_checksums("scores", r"val\.h5|masks\.csv", "run/predictions/val.h5", HDF5, _scores, _read_scores),
    Kind(
        name="own-maps",
        names=r"own\.h5",
        suffix=".h5",
        originals=("own_maps.h5",),
        mutators=HDF5,
        consume=_own_maps,
        judge=_read_cams,  # plain HDF5 has no checksums, so a changed value that can be one is a value
    ),
    _with_checksums(
        "weights-segmenter", r"weights\.pt", "run/segmenter/weights.pt", WEIGHTS, _segmenter, _judge_segmenter
    ),
    _with_checksums(
        "weights-classifier", r"weights\.pt", "run/classifier/weights.pt", WEIGHTS, _classifier, _judge_classifier, 0.6
    ),
    _with_checksums("vgg16", r"vgg16\.pth", "vgg16.pth", TORCH, _vgg16, _read_vgg16, 0.4),
    _with_checksums("resume", r"resume-.*\.ckpt", "resume.ckpt", TORCH, _resumed, _read_resume, 0.4),
    Kind(
        name="tar",
        names=r"archive\.tar",
        suffix=".tar",
        originals=("sbd.tar",),
        mutators=TAR,
        consume=lambda data, folder: _unpacked(data, folder, suffix=".tar"),
        judge=_judge_archive,  # plain tar has checksums of its headers alone
    ),
    _with_checksums("tgz", r"archive\.tgz", "sbd.tgz", TAR, _tgz, _judge_archive),
    _with_checksums("mat", r"mutant\.mat", "mask.mat", MAT, _sbd, _read_sbd),
)
