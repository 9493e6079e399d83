"""HDF5 files: what the stages read of them, beside what plain h5py reads."""

import io
import re
import struct
from pathlib import Path

import h5py
import numpy as np

from mdc.cams.external import link_cams
from mdc.cams.files import read_cams
from mdc.crf import apply_crf
from mdc.data.mask_files import read_mask
from mdc.predictions.files import read_scores
from mdc.storage.hdf5_checks import plain
from mdc.storage.image_tables import paths_of
from tests.fuzz.checksums import with_checksums
from tests.fuzz.formats.hdf5 import HDF5
from tests.fuzz.kind import Kind, Mutant
from tests.fuzz.originals import DILATIONS, RUN, classes_of_run, fuse

OBJECT = struct.Struct("<HHIQ")  # of a heap of HDF5: its index, two fields that do not matter here, its size
CRF = {
    "iterations": 2,
    "gaussian_weight": 3,
    "gaussian_sxy": 3,
    "bilateral_weight": 5,
    "bilateral_sxy": 30,
    "bilateral_srgb": 10,
    "min_probability": 0.05,
}


def _cams(data: bytes, folder: Path) -> dict:
    """Make masks of the maps of a shard; return what was read, and the masks by id."""
    (folder / "train.h5").write_bytes(data)
    fuse(folder / "train.h5", RUN / "saliency/train.csv", folder / "masks.csv")
    ids = [f"train_00000{number}" for number in range(3)]
    masks = {id: read_mask(Path(path)) for id, path in zip(ids, paths_of(ids, [folder / "masks.csv"]), strict=True)}
    return {"items": [vars(item) for item in read_cams(folder / "train.h5")], "masks": masks}


def _read_cams(mutant: Mutant, found: dict) -> str:
    return _read_hdf5(mutant, found["items"], ("maps", "class_ids", "logits"))


def _external_maps(data: bytes, folder: Path) -> dict:
    (folder / "external.h5").write_bytes(data)
    link_cams(
        external_h5=folder / "external.h5",
        split_csv=RUN / "data/train.csv",
        cams_h5=folder / "train.h5",
        classes=classes_of_run(),
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


def has_endless_heap(data: bytes) -> bool:
    """Return whether HDF5 never comes back from reading a text of variable length in a file; no stage looks for it.

    It does not (2.0.0) where the rest of a heap, an object of index 0, is said to have 0 bytes: it takes the same place
    for the next object, for ever. Files of ours have no such texts, and writers of HDF5 do not leave such a rest.
    """
    for heap in re.finditer(rb"GCOL\x01\0\0\0", data):
        place = heap.end() + 8
        while place + OBJECT.size <= len(data):
            index, _, _, size = OBJECT.unpack_from(data, place)
            if index == 0:
                if size == 0:
                    return True
                break
            place += OBJECT.size + -(-size // 8) * 8
    return False


def has_unknown_texts(data: bytes) -> bool:
    """Return whether HDF5 (2.0.0) dies of a type of variable length which is neither a list (0) nor a text (1)."""
    types = re.finditer(rb"\x19(.).\0\x10\0\0\0", data, flags=re.DOTALL)
    return any(match[1][0] & 15 > 1 for match in types)


KINDS = (
    with_checksums("cams", r"train\.h5|masks\.csv", "run/cams/train.h5", HDF5, _cams, _read_cams),
    with_checksums("scores", r"val\.h5|masks\.csv", "run/predictions/val.h5", HDF5, _scores, _read_scores),
    Kind(
        name="external-maps",
        names=r"external\.h5",
        suffix=".h5",
        originals=("external_maps.h5",),
        mutators=HDF5,
        consume=_external_maps,
        left_out=lambda data: has_endless_heap(data) or has_unknown_texts(data),
        judge=_read_cams,  # plain HDF5 has no checksums, so a changed value that can be one is a value
    ),
)
