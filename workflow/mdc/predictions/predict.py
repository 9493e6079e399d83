"""The predictions stage: class scores of the segmenter at network resolution, and their best class per pixel."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mdc.data.manifest import read_manifest
from mdc.data.mask_files import write_mask
from mdc.networks.checkpoints import load_state, load_strictly, weights_hash
from mdc.networks.grid import upsample
from mdc.networks.largefov import build_segmenter
from mdc.runtime.devices import torch_device
from mdc.runtime.hashes import file_digest
from mdc.runtime.memory import SMALLER_PHOTOS, memory_faults_named
from mdc.runtime.progress import progress
from mdc.runtime.shards import shard_of
from mdc.storage.hdf5 import SCORES, Scores, create
from mdc.storage.image_tables import png_path, write_table
from mdc.training.datasets import padded_to_grid, whole_photos


@memory_faults_named(SMALLER_PHOTOS)
@torch.inference_mode()
def predict_scores(
    *,
    split_csv: Path,
    weights_pt: Path,
    scores_h5: Path,
    masks_csv: Path,
    folder: Path,
    classes: Sequence[str],
    network: dict[str, Any],
    shard: int,
    shards: int,
    device: str,
    threads: int,
    gpus: int = 0,
) -> None:
    """Write the class scores of every photo of a shard, and palette PNGs of the best class with their table.

    The PNGs are made from the scores as stored (float16), so that they can be made again from the file alone.

    Args:
        split_csv: manifest.
        weights_pt: of the segmenter.
        scores_h5: see `mdc.storage.hdf5`.
        masks_csv, folder: the table and the folder of PNGs.
        network: arguments of `mdc.networks.largefov.build_segmenter` (without classes).
        device, gpus: see `mdc.runtime.devices.torch_device`.

    Raises:
        InputError: the weights are of another network; a score is not finite; memory ran out.
    """
    torch.set_num_threads(threads)
    where = torch_device(device, gpus=gpus)
    model = build_segmenter(classes=len(classes), **network)
    state = load_state(weights_pt)
    load_strictly(model, state, source=weights_pt)
    model.eval().to(where)
    table = shard_of(read_manifest(split_csv), shard, shards)
    photos = progress(whole_photos(table, classes), total=len(table), label=f"predict_scores {split_csv.stem}")
    stride = model.trunk.stride
    rows = []
    with create(
        scores_h5,
        kind=SCORES,
        stride=stride,
        classes=["background", *classes],
        weights_hash=weights_hash(state),
        config={"network": network},
    ) as writer:
        for row, (image, _) in zip(table.itertuples(), photos, strict=True):
            logits = model(padded_to_grid(model.standardise(image.to(where)), stride))[0].cpu().numpy()
            scores = Scores(id=row.id, scores=logits.astype(np.float16), height=image.shape[2], width=image.shape[3])
            writer.add_scores(scores)
            path = png_path(folder, row.id)
            at_image_size = upsample(scores.scores, stride=stride, height=scores.height, width=scores.width)
            write_mask(path, at_image_size.argmax(0).astype(np.uint8))
            rows.append((row.id, str(path), file_digest(path)))
    write_table(rows, masks_csv)
