"""The cams stage: one localization map per block and tagged class, stored raw (paper 3.2)."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mdc.cams.files import Cams, CamsInfo, create_cams
from mdc.data.manifest import read_manifest, tag_indices
from mdc.data.whole_photos import whole_photos
from mdc.networks.checkpoints import load_network
from mdc.networks.multi_dilation import ClassifierDescription, MultiDilationClassifier
from mdc.networks.weight_files import weights_hash
from mdc.runtime.devices import torch_device
from mdc.runtime.memory import SMALLER_PHOTOS, memory_faults_named
from mdc.runtime.progress import progress
from mdc.storage.shards import shard_of


@torch.inference_mode()
def maps_of(network: MultiDilationClassifier, image: Tensor) -> tuple[Tensor, Tensor]:
    """Return the raw maps (D, K, h, w) and the logits (D, K) of one photo (3, H, W), RGB in 0..255: whole, not flipped.

    Ways to make maps that are keys of the config section `cams` are further arguments of this function.
    """
    maps, logits = network.maps_and_logits(network.encoder.prepare(image[None]))
    return maps[0], logits[0]


@memory_faults_named(SMALLER_PHOTOS)
def dump_cams(
    *,
    split_csv: Path,
    weights_pt: Path,
    cams_h5: Path,
    settings: dict[str, Any],
    shard: int,
    shards: int,
    device: str,
    threads: int,
    gpus: int = 0,
) -> None:
    """Write the maps of the tagged classes of every photo of a shard.

    Args:
        split_csv: manifest.
        weights_pt: checkpoint of the classifier.
        cams_h5: see `mdc.cams.files`.
        settings: how the maps are made, the further arguments of `maps_of`.
        device, gpus: see `mdc.runtime.devices.torch_device`.

    Raises:
        InputError: the checkpoint is damaged or of something else; a map is not finite; memory ran out.
    """
    torch.set_num_threads(threads)
    where = torch_device(device, gpus=gpus)
    network, description = load_network(weights_pt, ClassifierDescription)
    info = CamsInfo(
        grid=network.encoder.grid,
        dilations=description.dilations,
        classes=description.classes,
        weights_hash=weights_hash(network.state_dict()),
    )
    network.eval().to(where)
    table = shard_of(read_manifest(split_csv), shard, shards)
    photos = progress(whole_photos(table, info.classes), total=len(table), label=f"dump_cams {split_csv.stem}")
    with create_cams(cams_h5, info, config={"network": description.model_dump(), "cams": settings}) as writer:
        for row, (image, _) in zip(table.itertuples(), photos, strict=True):
            class_ids = np.array(tag_indices(row.tags, info.classes), np.uint8)
            maps, logits = maps_of(network, image[0].to(where), **settings)
            tagged = torch.from_numpy(class_ids.astype(np.int64) - 1).to(where)
            cams = Cams(
                id=row.id,
                maps=maps[:, tagged].cpu().numpy(),
                class_ids=class_ids,
                logits=logits.cpu().numpy(),
                height=image.shape[2],
                width=image.shape[3],
            )
            writer.add(cams.item())
