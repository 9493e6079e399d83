"""The producer `densecrf`: confident objects and confident background of the fused maps, refined by a dense CRF.

As IRN makes the labels that it learns affinities from (Ahn, Cho and Kwak, CVPR 2019; step/cam_to_ir_label.py and
misc/imutils.py of github.com/jiwoon-ahn/irn): one CRF starts from what is surely object, another one from what may be
object; a pixel has a class where the first finds one, is background where neither does, and is unlabelled between.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydensecrf.densecrf import DenseCRF2D
from pydensecrf.utils import unary_from_labels

from mdc.data.labels import BACKGROUND, VOID
from mdc.data.manifest import read_manifest
from mdc.masks.fused import fused_scores
from mdc.masks.producers import ImageInputs, count_images, images_with_maps, one_hot, write_masks


@dataclass(frozen=True, kw_only=True)
class DenseCrf:
    """How scores are refined; the fields are the config section `masks.densecrf`, explained there."""

    foreground_above: float
    background_below: float
    label_probability: float
    iterations: int
    gaussian_weight: float
    gaussian_sxy: float
    bilateral_weight: float
    bilateral_sxy: float
    bilateral_srgb: float


def confident_labels(
    scores: np.ndarray, *, foreground_above: float, background_below: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return where each class surely is, and where each may be: int32 (H, W) twice, indices of `scores`, 0 none.

    A pixel is surely background where at most `background_below` speaks against it, which is saliency, or without it
    the highest map. Everywhere else it may be of the class with the highest map, and surely is where that is above
    `foreground_above`.

    Args:
        scores: float (1 + T, H, W), see `mdc.masks.fused.fused_scores`; T is at least 1.
    """
    best, highest = 1 + scores[1:].argmax(0), scores[1:].max(0)
    possible = np.where(1 - scores[0] <= background_below, 0, best).astype(np.int32)
    return np.where(highest > foreground_above, possible, 0).astype(np.int32), possible


def refined_labels(photo: np.ndarray, labels: np.ndarray, *, number: int, parameters: DenseCrf) -> np.ndarray:
    """Return labels, int32 (H, W) in 0..number - 1, as a dense CRF on the photo, uint8 (H, W, 3) RGB, refines them."""
    height, width = labels.shape
    field = DenseCRF2D(width, height, number)
    unary = unary_from_labels(labels, number, gt_prob=parameters.label_probability, zero_unsure=False)
    field.setUnaryEnergy(np.ascontiguousarray(unary))
    field.addPairwiseGaussian(sxy=parameters.gaussian_sxy, compat=parameters.gaussian_weight)
    field.addPairwiseBilateral(
        sxy=parameters.bilateral_sxy,
        srgb=parameters.bilateral_srgb,
        rgbim=np.ascontiguousarray(photo),
        compat=parameters.bilateral_weight,
    )
    return np.array(field.inference(parameters.iterations)).reshape(number, height, width).argmax(0).astype(np.int32)


def densecrf_mask(photo: np.ndarray, scores: np.ndarray, class_ids: np.ndarray, parameters: DenseCrf) -> np.ndarray:
    """Return the mask, uint8 (H, W), of scores (1 + T, H, W) for the classes `class_ids` (T,); 255 where neither."""
    if not len(class_ids):
        return np.zeros(photo.shape[:2], np.uint8)
    surely, possibly = (
        refined_labels(photo, labels, number=len(scores), parameters=parameters)
        for labels in confident_labels(
            scores,
            foreground_above=parameters.foreground_above,
            background_below=parameters.background_below,
        )
    )
    mask = np.where(possibly > 0, VOID, BACKGROUND).astype(np.uint8)
    mask[surely > 0] = class_ids[surely[surely > 0] - 1]
    return mask


@dataclass(frozen=True)
class DenseCrfMasks:
    """Refined masks of the map setting `maps`."""

    maps: str
    parameters: DenseCrf

    def labels(self, image: ImageInputs) -> np.ndarray:
        return densecrf_mask(image.photo(), fused_scores(image, self.maps), image.class_ids, self.parameters)

    def scores(self, image: ImageInputs) -> np.ndarray:
        """Return the labels as scores, see `one_hot`."""
        return one_hot(self.labels(image), image.class_ids)


def refine_by_densecrf(
    *,
    split_csv: Path,
    cams_h5: Path,
    saliency_csv: Path | None,
    masks_csv: Path,
    folder: Path,
    maps: str,
    parameters: dict[str, Any],
    processes: int,
) -> None:
    """Write the masks refined with `parameters`, the fields of `DenseCrf`; else as `mdc.masks.fused.fuse_masks`."""
    write_masks(
        DenseCrfMasks(maps, DenseCrf(**parameters)),
        images_with_maps(read_manifest(split_csv), [cams_h5], saliency_csv=saliency_csv),
        total=count_images([cams_h5]),
        masks_csv=masks_csv,
        folder=folder,
        label=f"refine_by_densecrf {maps}",
        processes=processes,
    )
