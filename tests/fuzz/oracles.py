"""What other libraries read in the same bytes: the judges of what the workflow has read."""

import codecs
import csv
import io
import json
import tarfile
from pathlib import Path
from xml.dom import minidom

import h5py
import numpy as np
import torch
from PIL import Image, ImageOps
from scipy.io import loadmat

DATASET = "benchmark_RELEASE/dataset"
MEMBERS = [f"{DATASET}/train.txt", f"{DATASET}/val.txt", f"{DATASET}/cls/*.mat"]
Image.MAX_IMAGE_PIXELS = 10**7  # the judge must not decode gigabytes either
csv.field_size_limit(1 << 24)


class NoOpinionError(Exception):
    """The other reading cannot tell what is right."""


def coarse(image: Image.Image) -> np.ndarray:
    """Return a photo at 8 x 8 pixels: JPEG of quality 95 and another way to reduce change it a little."""
    return np.asarray(image.resize((8, 8), Image.Resampling.BOX), int)


def photo(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data:
        raise NoOpinionError
    return coarse(upright.convert("RGB"))


def mask(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        values = np.asarray(image)
        if image.getexif() or image.mode not in ("P", "L") or image.has_transparency_data:
            raise NoOpinionError
    return values if data[25] == 3 else values // {1: 255, 2: 85, 4: 17, 8: 1}[data[24]]


def grey(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("L"))


def tags(data: bytes) -> set[str]:
    def text(node) -> str:
        return node.data if hasattr(node, "data") else "".join(map(text, node.childNodes))

    objects = minidom.parseString(data).getElementsByTagName("object")
    return {text(node).strip() for thing in objects for node in thing.childNodes if node.nodeName == "name"}


def csv_rows(data: bytes) -> list[list[str]]:
    encoding = "utf-16" if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    rows = csv.reader(io.StringIO(data.decode(encoding), newline=""), strict=True)
    return [row for row in rows if any(cell.strip() for cell in row)]


def described(data: bytes) -> dict[str, tuple]:
    header, *rows = csv_rows(data)
    found = {}
    for cells in rows:
        cell = {name.strip(): value.strip() for name, value in zip(header, cells, strict=True)}
        names = [cell.get(key, "") for key in ("image", "mask")]
        if not {"image", "tags", "split"} <= cell.keys() or names != [name.lower() for name in names]:
            raise NoOpinionError
        id = cell["image"].removesuffix(".jpg").removesuffix(".png")
        names = {tag.strip() for tag in cell["tags"].split(";")} - {""}
        row = (cell["split"], names, Path(cell.get("mask", "")).name)
        split, tags, mask = found.setdefault(str(Path(id)), row)
        assert (split, mask) == (row[0], row[2]) and (tags is names or len(names) == 1)  # a row per tag
        tags |= names
    return found


def ids_and_paths(data: bytes) -> list[list[str]]:
    assert data.endswith((b"\n", b"\r"))
    return [row[:2] for row in csv_rows(data)[1:]]


def maps(data: bytes) -> dict:
    """Return the same by h5py, where every array is in the file itself."""
    found = {}
    with h5py.File(io.BytesIO(data)) as file:
        for name, group in file.items():
            assert isinstance(file.get(name, getlink=True), h5py.HardLink)
            arrays = {part: group[part] for part in ("maps", "class_ids", "logits")}
            assert not any(a.external or (a.size and not a.id.get_storage_size()) for a in arrays.values())
            id = group.attrs["id"].decode() if isinstance(group.attrs["id"], bytes) else group.attrs["id"]
            sides = {side: group.attrs[side] for side in ("height", "width")}
            found[id] = {part: array[...] for part, array in arrays.items()} | sides | {"id": id}
    return found


def network(data: bytes) -> dict:
    content = torch.load(io.BytesIO(data), weights_only=True)
    assert not any(t.dtype.is_complex or t.dtype == torch.bool for t in content["state"].values())
    return {"state": content["state"], "classes": list(map(str, json.loads(content["description"])["classes"]))}


def convolutions(data: bytes) -> list:
    stored = torch.load(io.BytesIO(data), weights_only=True)
    return [stored[name] for name in sorted(stored, key=lambda n: (int(n.split(".")[1]), n.endswith("bias")))]


def members(data: bytes) -> dict[str, bytes]:
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            name = "/".join(part for part in member.name.split("/") if part not in ("", "."))
            is_mat = name.startswith(f"{DATASET}/cls/") and name.endswith(".mat")
            if member.isfile() and (name in MEMBERS or is_mat):
                found[f"data/sbd/{name}"] = archive.extractfile(member).read()
    return found


def matlab_mask(data: bytes) -> np.ndarray:
    stored = np.asarray(loadmat(io.BytesIO(data))["GTcls"]["Segmentation"].item())
    assert stored.dtype.kind in "uif" and stored.max() <= 20
    return stored
