"""The cams stage: one localization map per block and tagged class, stored raw (paper §3.2)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mdc.data.manifest import read_manifest, tag_indices
from mdc.networks.checkpoints import load_state, load_strictly, weights_hash
from mdc.networks.multi_dilation import build_classifier
from mdc.runtime.devices import torch_device
from mdc.runtime.memory import SMALLER_PHOTOS, memory_faults_named
from mdc.runtime.progress import progress
from mdc.runtime.shards import shard_of
from mdc.storage.hdf5 import CAMS, Cams, create
from mdc.training.datasets import padded_to_grid, whole_photos


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
        cams_h5: see `mdc.storage.hdf5`.
        network: arguments of `mdc.networks.multi_dilation.build_classifier` (without dilations and classes).
        device, gpus: see `mdc.runtime.devices.torch_device`.

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
