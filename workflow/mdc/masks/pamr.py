"""The producer `pamr`: the fused maps' scores, refined by pixel-adaptive mask refinement.

PAMR is Araslanov and Roth, "Single-Stage Semantic Segmentation from Image Labels", CVPR 2020, section 3.3: every pixel
takes, again and again, the mean of its neighbours' scores, weighed by how alike their colours are. Values are those of
its code (models/mods/pamr.py, models/stage_net.py and core/config.py of github.com/visinf/1-stage-wseg).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mdc.data.labels import VOID
from mdc.data.manifest import read_manifest
from mdc.masks.fused import fused_scores
from mdc.masks.producers import ImageInputs, count_images, images_with_maps, write_masks
from mdc.runtime.devices import torch_device

CONTRAST = 0.1  # of the colours' local standard deviation: at it, alikeness falls to 1 / e
NO_CONTRAST = 1e-8  # keeps flat neighbourhoods from a division by 0
NEIGHBOURS = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1) if row or column]


@dataclass(frozen=True, kw_only=True)
class Pamr:
    """How scores are refined and cut; the fields are the config section `masks.pamr`, explained there."""

    iterations: int
    dilations: Sequence[int]
    stride: int
    object_above: float
    background_above: float
    least_score: float


def shifted(values: Tensor, dilations: Sequence[int]) -> Iterator[Tensor]:
    """Yield values (N, C, H, W) at each of the 8 neighbours at every dilation; beyond the border its values repeat."""
    height, width = values.shape[2:]
    reach = max(dilations)
    padded = functional.pad(values, [reach] * 4, mode="replicate")
    for dilation in dilations:
        for row, column in NEIGHBOURS:
            top, left = reach + dilation * row, reach + dilation * column
            yield padded[:, :, top : top + height, left : left + width]


def affinities(photo: Tensor, dilations: Sequence[int]) -> Tensor:
    """Return the weight of every neighbour (`shifted`), (1, 8 * dilations, H, W), of a photo (1, 3, H, W).

    The weights of a pixel add up to 1. Bounded in memory: neighbours are compared one by one.
    """
    number = 9 * len(dilations)  # with the pixel itself once per dilation
    mean = (sum(shifted(photo, dilations)) + len(dilations) * photo) / number
    squares = sum((other - mean) ** 2 for other in shifted(photo, dilations)) + len(dilations) * (photo - mean) ** 2
    scale = NO_CONTRAST + CONTRAST * (squares / (number - 1)).sqrt()
    unlike = [((photo - other).abs() / scale).mean(1) for other in shifted(photo, dilations)]
    return torch.stack(unlike, 1).neg_().softmax(1)


def refined(photo: Tensor, scores: Tensor, *, iterations: int, dilations: Sequence[int]) -> Tensor:
    """Return scores (1, C, H, W) after the iterations of PAMR on a photo (1, 3, H, W) of the same size."""
    weights = affinities(photo, dilations)
    for _ in range(iterations):
        scores = sum(other * weights[:, index : index + 1] for index, other in enumerate(shifted(scores, dilations)))
    return scores


def cut(scores: np.ndarray, class_ids: np.ndarray, parameters: Pamr) -> np.ndarray:
    """Return the mask, uint8 (H, W), of scores (1 + T, H, W): what is above its own threshold alone, else 255.

    A threshold is a share of the highest score of its class in the image, `least_score` at least.
    """
    shares = np.array([parameters.background_above] + [parameters.object_above] * len(class_ids))[:, None, None]
    claims = scores > np.maximum(shares * scores.max((1, 2), keepdims=True), parameters.least_score)
    indices = np.concatenate([[0], class_ids]).astype(np.uint8)
    return np.where(claims.sum(0) == 1, indices[claims.argmax(0)], VOID).astype(np.uint8)


@dataclass(frozen=True)
class PamrMasks:
    """Refined masks of the map setting `maps`, computed on `device`."""

    maps: str
    parameters: Pamr
    device: torch.device

    def labels(self, image: ImageInputs) -> np.ndarray:
        if not len(image.class_ids):
            return np.zeros(image.size, np.uint8)
        return cut(self.scores(image), image.class_ids, self.parameters)

    @torch.inference_mode()
    def scores(self, image: ImageInputs) -> np.ndarray:
        """Return `fused_scores` refined; at each pixel they add up to 1 before, as the paper's do.

        Photo and scores are reduced by `stride` in between, since the paper refines at the resolution of its network.
        """
        plain = fused_scores(image, self.maps)
        total = plain.sum(0)
        plain /= np.where(total > 0, total, np.inf)
        photo, scores = (
            torch.from_numpy(np.ascontiguousarray(array))[None].to(self.device, torch.float32)
            for array in (image.photo().transpose(2, 0, 1), plain)
        )
        size = [max(round(side / self.parameters.stride), 1) for side in image.size]
        reduced, coarse = (
            functional.interpolate(values, size, mode="bilinear", align_corners=False, antialias=True)
            for values in (photo, scores)
        )
        keys = self.parameters
        found = refined(reduced, coarse, iterations=keys.iterations, dilations=keys.dilations)
        enlarged = functional.interpolate(found, image.size, mode="bilinear", align_corners=False)
        return enlarged[0].clamp(0, 1).cpu().numpy()


def refine_by_pamr(
    *,
    split_csv: Path,
    cams_h5: Path,
    saliency_csv: Path | None,
    masks_csv: Path,
    folder: Path,
    maps: str,
    parameters: dict[str, Any],
    device: str,
    gpus: int = 0,
    threads: int,
) -> None:
    """Write the refined masks, one image after the other; otherwise as `mdc.masks.fused.fuse_masks`.

    Args:
        parameters: the fields of `Pamr`.
        device, gpus: see `mdc.runtime.devices.torch_device`.
    """
    torch.set_num_threads(threads)
    write_masks(
        PamrMasks(maps, Pamr(**parameters), torch_device(device, gpus=gpus)),
        images_with_maps(read_manifest(split_csv), [cams_h5], saliency_csv=saliency_csv),
        total=count_images([cams_h5]),
        masks_csv=masks_csv,
        folder=folder,
        label=f"refine_by_pamr {maps}",
        processes=1,
    )
