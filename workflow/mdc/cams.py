"""The cams stage: one localization map per block and tagged class, stored raw (paper §3.2)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mdc.datasets import padded_to_grid, whole_photos
from mdc.devices import torch_device
from mdc.errors import InputError
from mdc.logs import progress
from mdc.manifest import read_manifest, tag_indices
from mdc.memory import SMALLER_PHOTOS, memory_faults_named
from mdc.models.multi_dilation import build_classifier
from mdc.models.weights import load_state, load_strictly, weights_hash
from mdc.store import CAMS, Cams, attributes, create, read_cams
from mdc.store_checks import has_endless_heap
from mdc.tables import shard_of


@memory_faults_named(SMALLER_PHOTOS)
@torch.inference_mode()
def dump_cams(
    *,
    split_csv: Path,
    weights_pt: Path,
    cams_h5: Path,
    classes: Sequence[str],
    dilations: Sequence[int],
    network: dict[str, Any],
    shard: int,
    shards: int,
    device: str,
    threads: int,
    gpus: int = 0,
) -> None:
    """Write the maps of the tagged classes of every photo of a shard: whole photo, one scale, no flip.

    Args:
        split_csv: manifest.
        weights_pt: of the classifier.
        cams_h5: see `mdc.store`.
        network: arguments of `mdc.models.multi_dilation.build_classifier` (without dilations and classes).
        device, gpus: see `mdc.devices.torch_device`.

    Raises:
        InputError: the weights are of another network; a map is not finite; memory ran out.
    """
    torch.set_num_threads(threads)
    where = torch_device(device, gpus=gpus)
    model = build_classifier(dilations=dilations, classes=len(classes), **network)
    state = load_state(weights_pt)
    load_strictly(model, state, source=weights_pt)
    model.eval().to(where)
    table = shard_of(read_manifest(split_csv), shard, shards)
    photos = progress(whole_photos(table, classes), total=len(table), label=f"dump_cams {split_csv.stem}")
    with create(
        cams_h5,
        kind=CAMS,
        stride=model.trunk.stride,
        classes=classes,
        weights_hash=weights_hash(state),
        config={"network": network, "dilations": list(dilations)},
        dilations=dilations,
    ) as writer:
        for row, (image, _) in zip(table.itertuples(), photos, strict=True):
            class_ids = np.array(tag_indices(row.tags, classes), np.uint8)
            padded = padded_to_grid(model.standardise(image.to(where)), model.trunk.stride)
            maps, logits = model.maps_and_logits(padded)
            tagged = torch.from_numpy(class_ids.astype(np.int64) - 1).to(where)
            writer.add_cams(
                Cams(
                    id=row.id,
                    maps=maps[0][:, tagged].cpu().numpy(),
                    class_ids=class_ids,
                    logits=logits[0].cpu().numpy(),
                    height=image.shape[2],
                    width=image.shape[3],
                )
            )


def link_cams(
    *,
    own_h5: Path,
    split_csv: Path,
    cams_h5: Path,
    classes: Sequence[str],
    dilations: Sequence[int],
    shard: int,
    shards: int,
) -> None:
    """Put the maps of another method in the place of `dump_cams`: copy a shard's images after checking them.

    Raises:
        InputError: the file is not in the layout of `mdc.store`, its classes or dilations are not the configured
            ones, or an image is missing, of another size or has maps of other classes than its tags.
    """
    if own_h5.is_file() and has_endless_heap(own_h5):
        raise InputError(f"{own_h5}: is a damaged HDF5 file, a heap of its texts has no end: write it again")
    found = attributes(own_h5, kind=CAMS)
    for name, expected in (("classes", list(classes)), ("dilations", list(dilations))):
        if found.get(name) != expected:
            raise InputError(f"{own_h5}: attribute {name} is {found.get(name)}, the config says {expected}")
    table = shard_of(read_manifest(split_csv), shard, shards)
    with create(
        cams_h5,
        kind=CAMS,
        stride=found["stride"],
        classes=classes,
        weights_hash=str(found.get("weights_hash", "")),
        config={"own_h5": str(own_h5)},
        dilations=dilations,
    ) as writer:
        for row, cams in zip(table.itertuples(), read_cams(own_h5, list(table["id"])), strict=True):
            expected = (tag_indices(row.tags, classes), row.height, row.width)
            if (cams.class_ids.tolist(), cams.height, cams.width) != expected:
                raise InputError(
                    f"{own_h5}: image {row.id} has maps of the classes {cams.class_ids.tolist()} for a photo of "
                    f"{cams.height} x {cams.width}; its tags and photo are {expected[0]}, {row.height} x {row.width}"
                )
            writer.add_cams(cams)
