"""Every kind of file: what reads it, and what another reading of the same bytes says about the result."""

import copy
import functools
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jsonschema import Draft202012Validator
from PIL import Image
from snakemake.common.configfile import load_configfile
from snakemake.utils import update_config

from mdc.cams.external import link_cams
from mdc.cams.files import read_cams
from mdc.config.load import check_files, load_config
from mdc.data.images import read_image
from mdc.data.labels import CLASSES as VOC_CLASSES
from mdc.data.manifest import read_manifest
from mdc.data.mask_files import read_mask
from mdc.data.sbd import convert_sbd
from mdc.data.tagged_folder import link_folder
from mdc.data.voc_layout import link_voc_layout
from mdc.downloads.archives import RECORD, unpack
from mdc.networks.checkpoints import load_network, read_checkpoint
from mdc.networks.init_weights import initialise
from mdc.networks.largefov import SegmenterDescription
from mdc.networks.multi_dilation import ClassifierDescription
from mdc.saliency.external import maps_of_images
from mdc.saliency.maps import read_saliency
from mdc.segmenter.train import train_segmenter
from mdc.storage.image_tables import paths_of, read_table, write_table
from tests.fuzz import formats, oracles
from tests.fuzz.mutations import TABLE, TEXT, Mutator
from tests.fuzz.originals import CLASSIFIER, DILATIONS, PROJECT, RUN, SIDE_PX, classes_of_run, fuse, segmenter_arguments

CLASSES = tuple(f"c{number}" for number in range(1, 8))
LEVELS = 24  # by which two JPEG decoders may differ
DATA = {"max_side_px": 100, "val_share": 0.5, "seed": 0, "processes": 1}
SCHEMA = Draft202012Validator(json.loads((PROJECT / "workflow/schemas/config.schema.json").read_text()))


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        read: gives what the stage makes of a file in a folder; raises what the stage raises.
        expected: gives the same from the bytes alone, by other means; an exception says that nothing can be made of it.
        originals: paths below the folder of originals.
        mutators: beside those of bytes; what they write is a whole file of the format.
        names: what a sentence about a mutant must hold one of.
        checked: whether the format has checksums of all that is read.
    """

    read: Callable[[Path], Any]
    expected: Callable[[bytes], Any]
    originals: Sequence[str]
    mutators: Sequence[Mutator] = ()
    names: Sequence[str] = ()
    checked: bool = False


def same(a: Any, b: Any) -> bool:
    """Return whether two results are equal: nested dicts, lists and tuples of arrays, tensors and plain values."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray) and a.dtype == int:  # photos
        return np.abs(a - b).max() <= LEVELS
    if isinstance(a, np.ndarray):  # PyTorch lacks some of NumPy's types, which HDF5 can store
        b = np.asarray(b)
        return a.shape == b.shape and np.array_equal(a, b.astype(a.dtype)) and bool(np.isfinite(a).all())
    if isinstance(a, torch.Tensor):
        b = torch.as_tensor(b)
        return a.shape == b.shape and torch.equal(a, b.to(a.dtype)) and bool(torch.isfinite(a.double()).all())
    return a == b


# --- photos, masks and saliency
def linked(path: Path, columns: str, row: str):
    """Return the row of the table of training images of a folder with `path` and another photo."""
    root = path.parent
    for number, name in enumerate(("photo.jpg", "other.jpg")):
        shutil.copy(RUN / f"synthetic/JPEGImages/train_00000{number}.jpg", root / name)
    (root / "tags.csv").write_text(f"image,tags,split{columns}\n{row}\nother.jpg,c2,val{',' * bool(columns)}\n")
    tables = link_folder(root, root / "tags.csv", classes=CLASSES, plain_folder=root / "data", **DATA).tables
    return tables["train"].iloc[0]


def photo(path: Path) -> np.ndarray:
    return oracles.coarse(Image.fromarray(read_image(Path(linked(path, "", f"{path.name},c1,train")["image"]))))


def true_mask(path: Path) -> np.ndarray:
    return read_mask(Path(linked(path, ",mask", f"photo.jpg,c1,train,{path.name}")["mask"]))


def saliency(path: Path) -> np.ndarray:
    """Return grey levels of another model's map, after masks have been made of it."""
    folder = path.parent / "maps"
    folder.mkdir()
    for number in range(3):
        shutil.copy("originals/saliency/grey.png", folder / f"train_00000{number}.png")
    path.rename(folder / "train_000000.png")
    table = read_manifest(RUN / "data/train.csv")
    found = maps_of_images(table, external_folder=folder, by_rbd=False, computed_folder=folder / "no", processes=1)
    write_table(found, folder / "saliency.csv")
    fuse(RUN / "cams/train.h5", folder / "saliency.csv", folder / "masks.csv")
    return np.rint(255 * read_saliency(Path(found["path"][0]))).astype(np.uint8)


# --- annotations, tables and configurations
def annotation(path: Path) -> set[str]:
    """Return the tags of a training image of VOC's layout."""
    root = path.parent / "voc"
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / part).mkdir(parents=True)
    for id, split, number in (("mutant", "train", 0), ("other", "val", 1)):
        shutil.copy(RUN / f"synthetic/JPEGImages/train_00000{number}.jpg", root / f"JPEGImages/{id}.jpg")
        (root / f"ImageSets/Main/{split}.txt").write_text(f"{id}\n")
        shutil.copy("originals/texts/2007_000032.xml", root / f"Annotations/{id}.xml")
    path.rename(root / "Annotations/mutant.xml")
    classes = [*VOC_CLASSES, *classes_of_run()]
    tables = link_voc_layout(root, classes=classes, plain_folder=root / "data", **DATA).tables
    return set(filter(None, tables["train"]["tags"].item().split(";")))


def tags(path: Path) -> dict[str, tuple]:
    """Return id -> (split, tags, mask) of the images of a folder that a table describes."""
    root = path.parent
    for number, name in enumerate(("a/one.jpg", "a/two.png", "three.jpg", "four.jpg")):
        (root / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (SIDE_PX, SIDE_PX), (50 * number, 0, 0)).save(root / name)
    (root / "masks").mkdir()
    for name in ("one", "three"):
        shutil.copy("originals/masks/grey.png", root / f"masks/{name}.png")
    tables = link_folder(root, path, classes=["cat", "dog", *"abcdef"], plain_folder=root / "data", **DATA).tables
    rows = [(split, row) for split, table in tables.items() for row in table.itertuples()]
    return {r.id: (split, set(filter(None, r.tags.split(";"))), Path(r.mask).name) for split, r in rows}


def table(path: Path) -> list[list[str]]:
    return [list(item) for item in read_table([path]).items()]


def configuration(path: Path) -> bool:
    """Return whether what common.smk accepts when a file is an overlay fits the editors' schema."""
    (path.parent / "photos").mkdir()  # of own.yaml, relative to where Snakemake was started
    (path.parent / "photos/tags.csv").touch()
    before = os.getcwd()
    os.chdir(path.parent)
    try:
        overlay = load_configfile(path.name)
        config = copy.deepcopy(overlay)
        update_config(config, load_configfile(str(PROJECT / "config/config.yaml")))
        update_config(config, overlay)
        check_files([path.name])
        return SCHEMA.is_valid(load_config(config).model_dump(exclude_none=True, mode="json"))
    finally:
        os.chdir(before)


# --- maps and weights
def maps(path: Path) -> dict:
    """Make masks of the maps of a shard."""
    fuse(path, RUN / "saliency/train.csv", path.parent / "masks.csv")
    return {item.id: vars(item) for item in read_cams(path)}


def external_maps(path: Path) -> dict:
    settings = {"classes": classes_of_run(), "dilations": DILATIONS, "shard": 0, "shards": 1}
    link_cams(external_h5=path, split_csv=RUN / "data/train.csv", cams_h5=path.with_name("train.h5"), **settings)
    return {item.id: vars(item) for item in read_cams(path.with_name("train.h5"))}


def segmenter(path: Path) -> dict:
    """Load a network and let it see a photo."""
    model, told = load_network(path, SegmenterDescription)
    with torch.no_grad():
        seen = model.eval()(model.encoder.prepare(torch.zeros(1, 3, 9, 9, dtype=torch.uint8)))
    assert seen.shape[0] == 1
    return {"state": dict(model.state_dict()), "classes": list(told.classes)}


@functools.cache
def _vgg16() -> tuple:
    encoder = {"name": "vgg", "weights_input": "torchvision"}
    description = ClassifierDescription(classes=["cat", "dog"], encoder=encoder, **CLASSIFIER)
    return description, description.build()


def vgg16(path: Path) -> list:
    description, model = _vgg16()
    initialise(model, description, init="pretrained", weights=str(path))
    return [tensor.clone() for name, tensor in model.state_dict().items() if ".layers.conv" in name]


def resumed(path: Path) -> list:
    """Continue a stopped training to its end."""
    (name,) = (found.name for found in (RUN / "stopped").glob("resume-*.ckpt"))
    path.rename(path.with_name(name))
    train_segmenter(**segmenter_arguments(RUN, path.with_name("weights.pt")))
    state, _ = read_checkpoint(path.with_name("weights.pt"), SegmenterDescription)
    epochs = [line.split(",")[0] for line in path.with_name("metrics.csv").read_text().splitlines()]
    return [epochs, {name: tensor.shape for name, tensor in state.items()}]


def trained_again(data: bytes) -> list:
    """A file that cannot be continued is left, and the training starts again: the shapes are those of the run."""
    state, _ = read_checkpoint(RUN / "segmenter/weights.pt", SegmenterDescription)
    return [["epoch", "1", "2"], {name: tensor.shape for name, tensor in state.items()}]


# --- archives and SBD's masks
def unpacked(path: Path) -> dict[str, bytes]:
    """Unpack an archive; return all new files by their paths from the folder above."""
    folder = path.parent
    unpack(path, folder / "data/sbd", members=oracles.MEMBERS, unpacked_mb=1, is_known=False)
    files = {str(f.relative_to(folder)): f for f in folder.rglob("*") if f != path and not f.is_dir()}
    assert not any(f.is_symlink() for f in files.values())
    return {name: f.read_bytes() for name, f in files.items() if f.name != RECORD and ".lock" not in name}


def sbd(path: Path) -> np.ndarray:
    root = path.parent / "sbd"
    (root / "cls").mkdir(parents=True)
    path.rename(root / "cls/mutant.mat")
    (root / "train.txt").write_text("mutant\n")
    (root / "val.txt").write_text("")
    convert_sbd(root, folder=root / "masks", table_csv=root / "masks.csv", processes=1)
    return read_mask(Path(*paths_of(["mutant"], [root / "masks.csv"])))


PHOTOS = [f"photos/{name}.jpg" for name in ("scene", "turned", "progressive", "large")]
MASKS = [f"masks/{name}.png" for name in ("mask", "grey", "four_bits")]
CONFIGS = ["demo.yaml", "own.yaml"]
CONFIG = [*TEXT, formats.configuration, formats.configuration, formats.configuration]
MADE = ["masks.csv", "has diverged", "the manifest's tags"]  # what is named where a file of ours is whole but odd
KINDS = {
    "photo-jpeg": Kind(photo, oracles.photo, PHOTOS),
    "photo-png": Kind(photo, oracles.photo, ["photos/palette.png", "photos/grey.png"], [formats.png]),
    "true-mask": Kind(true_mask, oracles.mask, MASKS, [formats.png]),
    "saliency": Kind(saliency, oracles.grey, ["saliency/grey.png"], [formats.png], ["train_000000.png"]),
    "annotation": Kind(annotation, oracles.tags, ["texts/2007_000032.xml"], TEXT),
    "tags": Kind(tags, oracles.described, ["texts/tags.csv"], TABLE),
    "table": Kind(table, oracles.ids_and_paths, ["run/masks/train.csv"], TABLE),
    "config": Kind(configuration, lambda data: True, CONFIGS, CONFIG, ["onfig", "Snakemake"]),
    "cams": Kind(maps, oracles.maps, ["run/cams/train.h5"], [formats.hdf5], MADE, checked=True),
    "external-maps": Kind(external_maps, oracles.maps, ["external_maps.h5"], [formats.hdf5], MADE),
    "segmenter": Kind(segmenter, oracles.network, ["run/segmenter/weights.pt"], [formats.torch_file], checked=True),
    "vgg16": Kind(vgg16, oracles.convolutions, ["vgg16.pth"], [formats.torch_file], checked=True),
    "resume": Kind(resumed, trained_again, ["resume.ckpt"], [formats.torch_file], ["resume-"], checked=True),
    "tgz": Kind(unpacked, oracles.members, ["sbd.tgz"], [formats.tar], checked=True),
    "mat": Kind(sbd, oracles.matlab_mask, ["mask.mat"], [formats.mat], checked=True),
}


@functools.cache
def intact(name: str) -> Any:
    """Return what is read of the intact file of a kind."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        original = Path("originals", KINDS[name].originals[0])
        return KINDS[name].read(Path(shutil.copy(original, Path(folder, f"mutant{original.suffix}"))))


def judge(name: str, data: bytes, found: Any, *, is_whole: bool) -> str:
    """Return what is wrong with a result, empty if nothing is; a result without an expected one is wrong."""
    if KINDS[name].checked and same(found, intact(name)):
        return ""
    if KINDS[name].checked and not is_whole:
        return "accepted, with other content than the intact file"
    try:
        expected = KINDS[name].expected(data)
    except oracles.NoOpinionError:
        return ""
    except Exception as error:
        return f"accepted, but another reader fails: {type(error).__name__}: {error}"
    return "" if same(found, expected) else f"{str(found)[:300]} instead of {str(expected)[:300]}"
