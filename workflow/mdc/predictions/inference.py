"""The predictions stage: class scores of the segmenter at network resolution, and their best class per pixel."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mdc.data.manifest import check_unchanged, read_manifest
from mdc.data.mask_files import write_mask
from mdc.data.mask_sizes import enlarged
from mdc.data.whole_photos import whole_photos
from mdc.networks.checkpoints import load_network
from mdc.networks.largefov import SegmentationNetwork, SegmenterDescription
from mdc.networks.weight_files import weights_hash
from mdc.predictions.files import Scores, add_scores, create_scores
from mdc.runtime.devices import torch_device
from mdc.runtime.hashes import file_digest
from mdc.runtime.memory import SMALLER_PHOTOS, memory_faults_named
from mdc.runtime.progress import progress
from mdc.storage.image_tables import png_path, write_table
from mdc.storage.shards import shard_of


@torch.inference_mode()
def scores_of(network: SegmentationNetwork, image: Tensor) -> np.ndarray:
    """Return class scores (logits), float16 (C, h, w), of one whole photo (3, H, W), RGB in 0..255.

    They are rounded as they are stored, so that masks made of them at once and later are the same.
    """
    return network(network.encoder.prepare(image[None]))[0].cpu().numpy().astype(np.float16)


@memory_faults_named(SMALLER_PHOTOS)
def predict_scores(
    *,
    split_csv: Path,
    weights_pt: Path,
    scores_h5: Path,
    masks_csv: Path,
    folder: Path,
    shard: int,
    shards: int,
    device: str,
    threads: int,
    gpus: int = 0,
) -> None:
    """Write the class scores of every photo of a shard, and palette PNGs of the best class with their table.

    The scores are of the photo as the network sees it, the PNGs have its own size, as `mdc.predict` makes them.

    Args:
        split_csv: manifest.
        weights_pt: checkpoint of the segmenter.
        scores_h5: see `mdc.predictions.files`.
        masks_csv, folder: the table and the folder of PNGs.
        device, gpus: see `mdc.runtime.devices.torch_device`.

    Raises:
        InputError: the checkpoint is damaged or of something else; a score is not finite; memory ran out.
    """
    torch.set_num_threads(threads)
    where = torch_device(device, gpus=gpus)
    network, description = load_network(weights_pt, SegmenterDescription)
    digest = weights_hash(network.state_dict())
    network.eval().to(where)
    grid = network.encoder.grid
    table = shard_of(read_manifest(split_csv), shard, shards)
    photos = progress(
        whole_photos(table, description.classes), total=len(table), label=f"predict_scores {split_csv.stem}"
    )
    rows = []
    with create_scores(
        scores_h5,
        grid=grid,
        classes=["background", *description.classes],
        weights_hash=digest,
        config={"network": description.model_dump()},
    ) as writer:
        for row, (image, _) in zip(table.itertuples(), photos, strict=True):
            check_unchanged(row)
            logits = scores_of(network, image[0].to(where))
            scores = Scores(id=row.id, scores=logits, height=image.shape[2], width=image.shape[3])
            add_scores(writer, scores)
            path = png_path(folder, row.id)
            mask = scores.at_image_size(grid).argmax(0).astype(np.uint8)
            write_mask(path, enlarged(mask, height=row.own_height, width=row.own_width))
            rows.append((row.id, str(path), file_digest(path)))
    write_table(rows, masks_csv)
