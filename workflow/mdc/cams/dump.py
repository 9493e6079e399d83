"""The cams stage: one localization map per block and tagged class, stored raw (paper 3.2)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mdc.cams.files import Cams, CamsInfo, create_cams
from mdc.data.manifest import check_unchanged, read_manifest, tag_indices
from mdc.data.whole_photos import whole_photos
from mdc.networks.checkpoints import load_network
from mdc.networks.grid import Grid
from mdc.networks.multi_dilation import ClassifierDescription, MultiDilationClassifier
from mdc.networks.weight_files import weights_hash
from mdc.runtime.devices import torch_device
from mdc.runtime.memory import SMALLER_PHOTOS, memory_faults_named
from mdc.runtime.progress import progress
from mdc.storage.shards import shard_of


@torch.inference_mode()
def maps_of(
    network: MultiDilationClassifier, image: Tensor, *, scales: Sequence[float], flip: bool
) -> tuple[Tensor, Tensor]:
    """Return the maps (D, K, h, w) and the logits (D, K) of one whole photo (3, H, W), RGB in 0..255.

    Of scale 1 alone the maps are raw. Of several views, each one's negative values are cut before they are averaged on
    the grid of scale 1, as IRN (Ahn et al., CVPR 2019) and SEAM (Wang et al., CVPR 2020) do: a view that sees nothing
    must not take away what another one sees. The average is divided by its maximum later (`mdc.masks.fusion`), as IRN's
    is. Logits are the mean of all views.

    Ways to make maps that are keys of the config section `cams` are further arguments of this function.

    Args:
        scales: of the views, in sides of the photo.
        flip: whether each scale is seen mirrored as well.
    """
    views = [(scale, mirrored) for scale in scales for mirrored in ((False, True) if flip else (False,))]
    if views == [(1, False)]:
        return _seen(network, image[None])
    maps, logits = zip(*(_view(network, image, scale, mirrored) for scale, mirrored in views), strict=True)
    return sum(maps) / len(views), sum(logits) / len(views)


def _seen(network: MultiDilationClassifier, photo: Tensor) -> tuple[Tensor, Tensor]:
    maps, logits = network.maps_and_logits(network.encoder.prepare(photo))
    return maps[0], logits[0]


def _view(network: MultiDilationClassifier, image: Tensor, scale: float, mirrored: bool) -> tuple[Tensor, Tensor]:
    """Return the maps of one view without negative values, on the grid of scale 1, and its logits."""
    sides = image.shape[1:]
    scaled = [max(round(scale * side), 1) for side in sides]
    photo = image[None].float()
    if scale != 1:
        photo = functional.interpolate(photo, scaled, mode="bilinear", align_corners=False, antialias=True)
    maps, logits = _seen(network, photo.flip(3) if mirrored else photo)
    rows, columns = (
        resampling(network.encoder.grid, side, view_side, mirrored=turned).to(maps)
        for side, view_side, turned in zip(sides, scaled, (False, mirrored), strict=True)
    )
    return rows @ maps.clamp(min=0) @ columns.T, logits


def resampling(grid: Grid, side: int, view_side: int, *, mirrored: bool) -> Tensor:
    """Return the matrix, float32 (features of the photo, features of the view), of linear interpolation along one side.

    Args:
        grid: where features sit, on the photo as on the view.
        side, view_side: of the photo and of the photo as the view shows it, in pixels.
        mirrored: whether the view runs the other way.
    """
    pixel = grid.offset + grid.stride * torch.arange(grid.features(side))
    position = (pixel + 0.5) * view_side / side - 0.5  # pixels have areas: their borders coincide at any scale
    if mirrored:
        position = view_side - 1 - position
    known = torch.arange(grid.features(view_side))
    place = ((position - grid.offset) / grid.stride).clamp(0, len(known) - 1)
    return (1 - (place[:, None] - known).abs()).clamp(min=0)


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
            check_unchanged(row)
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
