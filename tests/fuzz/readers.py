"""Every kind of file: what reads it, and what another reading of the same bytes says about the result."""

import copy
import csv
import functools
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.dom import minidom

import h5py
import numpy as np
import torch
import yaml
from jsonschema import Draft202012Validator
from PIL import Image, ImageOps
from scipy.io import loadmat
from snakemake.common.configfile import load_configfile
from snakemake.utils import update_config

from mdc.cams.external import link_cams
from mdc.cams.files import read_cams
from mdc.config.load import check_files, load_config
from mdc.crf import apply_crf
from mdc.data.images import read_image
from mdc.data.labels import CLASSES as VOC_CLASSES
from mdc.data.manifest import COLUMNS, read_manifest, tag_matrix
from mdc.data.mask_files import read_mask
from mdc.data.sbd import convert_sbd
from mdc.data.tagged_folder import link_folder
from mdc.data.voc_layout import link_voc_layout
from mdc.downloads.archives import RECORD, unpack
from mdc.masks.external import copy_masks
from mdc.networks.checkpoints import load_network, read_checkpoint
from mdc.networks.init_weights import initialise
from mdc.networks.largefov import SegmenterDescription
from mdc.networks.multi_dilation import ClassifierDescription
from mdc.predictions.files import read_scores
from mdc.saliency.external import maps_of_images
from mdc.saliency.maps import read_saliency
from mdc.segmenter.train import train_segmenter
from mdc.storage.image_tables import paths_of, read_table, write_table
from tests.fuzz import formats
from tests.fuzz.mutations import TABLE, TEXT, Mutator
from tests.fuzz.originals import CLASSIFIER, DILATIONS, PROJECT, RUN, SIDE_PX, classes_of_run, fuse, segmenter_arguments

CLASSES = tuple(f"c{number}" for number in range(1, 8))
LARGEST_PX, LEVELS = 100, 24
DATASET = "benchmark_RELEASE/dataset"
MEMBERS = [f"{DATASET}/train.txt", f"{DATASET}/val.txt", f"{DATASET}/cls/*.mat"]
SCHEMA = Draft202012Validator(json.loads((PROJECT / "workflow/schemas/config.schema.json").read_text()))
CRF = {"iterations": 2, "gaussian_weight": 3, "gaussian_sxy": 3, "bilateral_weight": 5, "bilateral_sxy": 30}
CRF |= {"bilateral_srgb": 10, "min_probability": 0.05}
SHARD = {"shard": 0, "shards": 1}
Image.MAX_IMAGE_PIXELS = 10**7  # the judge must not decode gigabytes either
csv.field_size_limit(1 << 24)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of file.

    Attributes:
        originals: paths below the folder of originals.
        mutators: beside those of bytes; what they write is a whole file of the format.
        read: gives what the stage makes of a file in a folder; raises what the stage raises.
        expected: gives the same from the bytes alone, by other means; an exception says that nothing can be made of it.
        names: what a sentence about a mutant must hold one of.
        checked: whether the format has checksums of all that is read.
    """

    originals: tuple[str, ...]
    mutators: tuple[Mutator, ...] = ()
    read: Callable[[Path], Any]
    expected: Callable[[bytes], Any]
    names: tuple[str, ...] = ()
    checked: bool = False


def same(a: Any, b: Any) -> bool:
    """Return whether two results are equal: nested dicts, lists and tuples of arrays, tensors and plain values."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray) and a.dtype == int:  # photos
        return np.abs(a - b).max() <= LEVELS
    if isinstance(a, (np.ndarray, torch.Tensor)):
        a, b = torch.as_tensor(a), torch.as_tensor(b)
        return a.shape == b.shape and torch.equal(a, b.to(a.dtype)) and bool(torch.isfinite(a.double()).all())
    return a == b


# --- photos, masks and saliency
def _linked(path: Path, columns: str, row: str):
    """Return the row of the table of training images of a folder with `path` and another photo."""
    root = path.parent
    for number, name in enumerate(("photo.jpg", "other.jpg")):
        shutil.copy(RUN / f"synthetic/JPEGImages/train_00000{number}.jpg", root / name)
    (root / "tags.csv").write_text(f"image,tags,split{columns}\n{row}\nother.jpg,c2,val{',' * bool(columns)}\n")
    settings = {"plain_folder": root / "data", "max_side_px": LARGEST_PX, "val_share": 0.5, "seed": 0, "processes": 1}
    return link_folder(root, root / "tags.csv", classes=CLASSES, **settings).tables["train"].iloc[0]


def photo(path: Path) -> np.ndarray:
    """Return a photo at 8 x 8 pixels: JPEG of quality 95 and another way to reduce change it a little."""
    return _coarse(Image.fromarray(read_image(Path(_linked(path, "", f"{path.name},c1,train")["image"]))))


def _coarse(image: Image.Image) -> np.ndarray:
    return np.asarray(image.resize((8, 8), Image.Resampling.BOX), int)


def _pillow_photo(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data:
        raise NotOursError
    return _coarse(upright.convert("RGB"))


class NotOursError(Exception):
    """The other reading has no opinion."""


def _indices(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        values = np.asarray(image)
        if image.getexif() or image.mode not in ("P", "L") or image.has_transparency_data:
            raise NotOursError
    return values if data[25] == 3 else values // {1: 255, 2: 85, 4: 17, 8: 1}[data[24]]


def true_mask(path: Path) -> np.ndarray:
    return read_mask(Path(_linked(path, ",mask", f"photo.jpg,c1,train,{path.name}")["mask"]))


def _one_row(folder: Path) -> Path:
    """Write the manifest of the run's first training image alone."""
    (folder / "one.csv").write_text("".join((RUN / "data/train.csv").read_text().splitlines(keepends=True)[:2]))
    return folder / "one.csv"


def external_mask(path: Path) -> np.ndarray:
    folder = path.parent
    (folder / "theirs").mkdir()
    path.rename(folder / "theirs/train_000000.png")
    places = {"external_folder": folder / "theirs", "masks_csv": folder / "masks.csv", "folder": folder / "masks"}
    copy_masks(split_csv=_one_row(folder), **places, classes=classes_of_run(), **SHARD, processes=1)
    return read_mask(Path(*paths_of(["train_000000"], [folder / "masks.csv"])))


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


def _grey(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("L"))


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
    settings = {"max_side_px": 100, "val_share": 0.5, "seed": 0, "processes": 1}
    splits = link_voc_layout(root, classes=[*VOC_CLASSES, *classes_of_run()], plain_folder=root / "data", **settings)
    return set(filter(None, splits.tables["train"]["tags"].item().split(";")))


def _tags_of(data: bytes) -> set[str]:
    def text(node) -> str:
        return node.data if hasattr(node, "data") else "".join(map(text, node.childNodes))

    objects = minidom.parseString(data).getElementsByTagName("object")
    return {text(node).strip() for thing in objects for node in thing.childNodes if node.nodeName == "name"}


def tags(path: Path) -> dict[str, tuple]:
    """Return id -> (split, tags, mask) of the images of a folder that a table describes."""
    root = path.parent
    for number, name in enumerate(("a/one.jpg", "a/two.png", "three.jpg", "four.jpg")):
        (root / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (SIDE_PX, SIDE_PX), (50 * number, 0, 0)).save(root / name)
    (root / "masks").mkdir()
    for name in ("one", "three"):
        shutil.copy("originals/masks/grey.png", root / f"masks/{name}.png")
    settings = {"plain_folder": root / "data", "max_side_px": 100, "val_share": 0.5, "seed": 0, "processes": 1}
    tables = link_folder(root, path, classes=["cat", "dog", *"abcdef"], **settings).tables
    rows = [(split, row) for split, table in tables.items() for row in table.itertuples()]
    return {r.id: (split, set(filter(None, r.tags.split(";"))), Path(r.mask).name) for split, r in rows}


def _csv_rows(data: bytes) -> list[list[str]]:
    rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
    return [row for row in rows if any(cell.strip() for cell in row)]


def _described(data: bytes) -> dict[str, tuple]:
    header, *rows = _csv_rows(data)
    found = {}
    for cells in rows:
        cell = {name.strip(): value.strip() for name, value in zip(header, cells, strict=True)}
        if "split" not in cell:
            raise NotOursError
        id = cell["image"].removesuffix(".jpg").removesuffix(".png")
        names = {tag.strip() for tag in cell["tags"].split(";")} - {""}
        found[str(Path(id))] = (cell["split"], names, Path(cell.get("mask", "")).name)
    assert len(found) == len(rows)
    return found


def manifest(path: Path) -> list[list[str]]:
    table = read_manifest(path)
    tag_matrix(table, classes_of_run())
    return [list(COLUMNS), *(list(map(str, row)) for row in table.itertuples(index=False))]


def table(path: Path) -> list[list[str]]:
    return [list(item) for item in read_table([path]).items()]


def _ids_and_paths(data: bytes) -> list[list[str]]:
    assert data.endswith((b"\n", b"\r"))
    return [row[:2] for row in _csv_rows(data)[1:]]


def configuration(path: Path) -> dict[str, Any]:
    """Return the configuration that common.smk accepts when a file is an overlay, as Snakemake merges it."""
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
        found = load_config(config).model_dump(exclude_none=True, mode="json")
    finally:
        os.chdir(before)
    SCHEMA.validate(found)
    return found


def _taken(written: Any, found: Any) -> bool:
    """Return whether every written value is in a configuration, but for its type."""
    if isinstance(written, dict) and isinstance(found, dict):
        return all(str(key) in found and _taken(v, found[str(key)]) for key, v in written.items() if v is not None)
    if isinstance(written, (list, set)):
        listed = found["dilations"] if isinstance(found, dict) else found  # a network by its dilations alone
        return len(listed) == len(written) and all(map(_taken, sorted(written, key=str), sorted(listed, key=str)))
    if type(found) in (int, float):
        return float(written) == found
    truth = {True: ("true", "yes", "on", "y", "t", "1"), False: ("false", "no", "off", "n", "f", "0")}
    if type(found) is bool:
        return str(written).lower() in truth[found]
    return str(written) == str(found) or os.path.expanduser(str(written)) == found


# --- maps and scores
def maps(path: Path) -> dict:
    """Make masks of the maps of a shard."""
    fuse(path, RUN / "saliency/train.csv", path.parent / "masks.csv")
    return {item.id: vars(item) for item in read_cams(path)}


def external_maps(path: Path) -> dict:
    settings = {"classes": classes_of_run(), "dilations": DILATIONS}
    link_cams(
        external_h5=path, split_csv=RUN / "data/train.csv", cams_h5=path.with_name("train.h5"), **settings, **SHARD
    )
    return {item.id: vars(item) for item in read_cams(path.with_name("train.h5"))}


def scores(path: Path) -> dict:
    places = {"masks_csv": path.parent / "masks.csv", "folder": path.parent / "masks"}
    apply_crf(split_csv=RUN / "data/val.csv", scores_h5=path, **places, parameters=CRF, processes=1)
    return {item.id: vars(item) for item in read_scores(path)}


def _stored(data: bytes, *, parts: tuple[str, ...]) -> dict:
    """Return the same by h5py, where every array is in the file itself."""
    found = {}
    with h5py.File(io.BytesIO(data)) as file:
        for name in file:
            group = file[name]
            assert isinstance(file.get(name, getlink=True), h5py.HardLink)
            for part in parts:
                assert not group[part].external and (not group[part].size or group[part].id.get_storage_size())
            arrays = {part: group[part][...] for part in parts}
            head = {"id": group.attrs["id"], "height": group.attrs["height"], "width": group.attrs["width"]}
            id = head["id"].decode() if isinstance(head["id"], bytes) else head["id"]
            found[id] = {**arrays, **head, "id": id}
    return found


# --- weights
def network(path: Path, *, description: type) -> dict:
    """Load a network and let it see a photo."""
    model, told = load_network(path, description)
    with torch.no_grad():
        seen = model.eval()(model.encoder.prepare(torch.zeros(1, 3, 9, 9, dtype=torch.uint8)))
    assert seen.shape[0] == 1
    return {"state": dict(model.state_dict()), "classes": list(told.classes)}


def _loaded(data: bytes) -> dict:
    content = torch.load(io.BytesIO(data), weights_only=True)
    assert not any(t.dtype.is_complex or t.dtype == torch.bool for t in content["state"].values())
    return {"state": content["state"], "classes": list(map(str, json.loads(content["description"])["classes"]))}


@functools.cache
def _vgg16() -> tuple:
    encoder = {"name": "vgg", "weights_input": "torchvision"}
    description = ClassifierDescription(classes=["cat", "dog"], encoder=encoder, **CLASSIFIER)
    return description, description.build()


def vgg16(path: Path) -> list:
    description, model = _vgg16()
    initialise(model, description, init="pretrained", weights=str(path))
    return [tensor.clone() for name, tensor in model.state_dict().items() if ".layers.conv" in name]


def _vgg16_stored(data: bytes) -> list:
    stored = torch.load(io.BytesIO(data), weights_only=True)
    return [stored[name] for name in sorted(stored, key=lambda n: (int(n.split(".")[1]), n.endswith("bias")))]


def resumed(path: Path) -> dict:
    """Continue a stopped training to its end."""
    (name,) = (found.name for found in (RUN / "stopped").glob("resume-*.ckpt"))
    path.rename(path.with_name(name))
    train_segmenter(**segmenter_arguments(RUN, path.with_name("weights.pt")))
    state, _ = read_checkpoint(path.with_name("weights.pt"), SegmenterDescription)
    history = path.with_name("metrics.csv").read_text()
    return {
        "epochs": [line.split(",")[0] for line in history.splitlines()[1:]],
        "shapes": {n: t.shape for n, t in state.items()},
    }


def _resumable(data: bytes) -> dict:
    """A file that cannot be continued is left, and the training starts again: the shapes are those of the run."""
    state, _ = read_checkpoint(RUN / "segmenter/weights.pt", SegmenterDescription)
    return {"epochs": ["1", "2"], "shapes": {name: tensor.shape for name, tensor in state.items()}}


# --- archives and SBD's masks
def unpacked(path: Path) -> dict[str, bytes]:
    """Unpack an archive; return all new files by their paths from the folder above."""
    folder = path.parent
    unpack(path, folder / "data/sbd", members=MEMBERS, unpacked_mb=1, is_known=False)
    files = {str(f.relative_to(folder)): f for f in folder.rglob("*") if f != path and not f.is_dir()}
    assert not any(f.is_symlink() for f in files.values())
    return {name: f.read_bytes() for name, f in files.items() if f.name != RECORD and ".lock" not in name}


def _members(data: bytes) -> dict[str, bytes]:
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            name = "/".join(part for part in member.name.split("/") if part not in ("", "."))
            is_mat = name.startswith(f"{DATASET}/cls/") and name.endswith(".mat")
            if member.isfile() and (name in MEMBERS or is_mat):
                found[f"data/sbd/{name}"] = archive.extractfile(member).read()
    return found


def sbd(path: Path) -> np.ndarray:
    root = path.parent / "sbd"
    (root / "cls").mkdir(parents=True)
    path.rename(root / "cls/mutant.mat")
    (root / "train.txt").write_text("mutant\n")
    (root / "val.txt").write_text("")
    convert_sbd(root, folder=root / "masks", table_csv=root / "masks.csv", processes=1)
    return read_mask(Path(*paths_of(["mutant"], [root / "masks.csv"])))


def _segmentation(data: bytes) -> np.ndarray:
    stored = np.asarray(loadmat(io.BytesIO(data))["GTcls"]["Segmentation"].item())
    assert stored.dtype.kind in "uif" and stored.max() <= 20
    return stored


MASKS = tuple(f"masks/{name}.png" for name in ("mask", "grey", "four_bits"))
CAMS = functools.partial(_stored, parts=("maps", "class_ids", "logits"))
MADE = ("masks.csv", "has diverged", "the manifest's tags")  # what is named where a file of ours is whole but odd
SAVED = {"mutators": (formats.torch_file,), "checked": True}
KINDS = {
    "photo-jpeg": Kind(
        originals=tuple(f"photos/{name}.jpg" for name in ("scene", "turned", "progressive", "large")),
        read=photo,
        expected=_pillow_photo,
    ),
    "photo-png": Kind(
        originals=("photos/palette.png", "photos/grey.png"),
        mutators=(formats.png,),
        read=photo,
        expected=_pillow_photo,
    ),
    "true-mask": Kind(originals=MASKS, mutators=(formats.png,), read=true_mask, expected=_indices),
    "external-mask": Kind(
        originals=MASKS, mutators=(formats.png,), read=external_mask, expected=_indices, names=("train_000000.png",)
    ),
    "saliency": Kind(
        originals=("saliency/grey.png",),
        mutators=(formats.png,),
        read=saliency,
        expected=_grey,
        names=("train_000000.png",),
    ),
    "annotation": Kind(originals=("texts/2007_000032.xml",), mutators=TEXT, read=annotation, expected=_tags_of),
    "tags": Kind(originals=("texts/tags.csv",), mutators=TABLE, read=tags, expected=_described),
    "manifest": Kind(
        originals=("run/data/train.csv",), mutators=TABLE, read=manifest, expected=_csv_rows, names=("manifest",)
    ),
    "table": Kind(originals=("run/masks/train.csv",), mutators=TABLE, read=table, expected=_ids_and_paths),
    "config": Kind(
        originals=("demo.yaml", "own.yaml"),
        mutators=(*TEXT, formats.configuration, formats.configuration, formats.configuration),
        read=configuration,
        expected=yaml.safe_load,
        names=("onfig", "Snakemake"),
    ),
    "cams": Kind(
        originals=("run/cams/train.h5",), mutators=(formats.hdf5,), read=maps, expected=CAMS, names=MADE, checked=True
    ),
    "scores": Kind(
        originals=("run/predictions/val.h5",),
        mutators=(formats.hdf5,),
        read=scores,
        expected=functools.partial(_stored, parts=("scores",)),
        names=MADE,
        checked=True,
    ),
    "external-maps": Kind(
        originals=("external_maps.h5",), mutators=(formats.hdf5,), read=external_maps, expected=CAMS, names=MADE
    ),
    "segmenter": Kind(
        originals=("run/segmenter/weights.pt",),
        read=functools.partial(network, description=SegmenterDescription),
        expected=_loaded,
        **SAVED,
    ),
    "classifier": Kind(
        originals=("run/classifier/weights.pt",),
        read=functools.partial(network, description=ClassifierDescription),
        expected=_loaded,
        **SAVED,
    ),
    "vgg16": Kind(originals=("vgg16.pth",), read=vgg16, expected=_vgg16_stored, **SAVED),
    "resume": Kind(originals=("resume.ckpt",), read=resumed, expected=_resumable, names=("resume-",), **SAVED),
    "tar": Kind(originals=("sbd.tar",), mutators=(formats.tar,), read=unpacked, expected=_members),
    "tgz": Kind(originals=("sbd.tgz",), mutators=(formats.tar,), read=unpacked, expected=_members, checked=True),
    "mat": Kind(originals=("mask.mat",), mutators=(formats.mat,), read=sbd, expected=_segmentation, checked=True),
}


@functools.cache
def intact(name: str) -> Any:
    """Return what is read of the intact file of a kind."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        original = Path("originals", KINDS[name].originals[0])
        return KINDS[name].read(Path(shutil.copy(original, Path(folder, f"mutant{original.suffix}"))))


def judge(name: str, data: bytes, found: Any, *, is_whole: bool) -> str:
    """Return what is wrong with a result, empty if nothing is; a result without an expected one is wrong."""
    kind = KINDS[name]
    if kind.checked and same(found, intact(name)):
        return ""
    if kind.checked and not is_whole:
        return "accepted, with other content than the intact file"
    try:
        expected = kind.expected(data)
    except NotOursError:
        return ""
    except Exception as error:
        return f"accepted, but another reader fails: {type(error).__name__}: {error}"
    right = _taken(expected, found) if name == "config" else same(found, expected)
    return "" if right else f"{str(found)[:300]} instead of {str(expected)[:300]}"
