"""The producer `salient`: the baseline that trusts saliency alone and takes only the class from the maps."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mdc.data.labels import BACKGROUND
from mdc.data.manifest import read_manifest
from mdc.masks.producers import ImageInputs, count_images, images_with_maps, write_masks


def salient_mask(maps: np.ndarray, class_ids: np.ndarray, saliency: np.ndarray, threshold: float) -> np.ndarray:
    """Return the mask, uint8 (H, W) without 255: salient pixels get the class with the highest map, others 0.

    Args:
        maps: (T, H, W), fused.
        class_ids: (T,), mask indices of the tagged classes.
        saliency: (H, W) in 0..1; pixels at or above `threshold` are salient.
    """
    if not len(class_ids):
        return np.zeros(saliency.shape, np.uint8)
    return np.where(saliency >= threshold, class_ids[maps.argmax(0)], BACKGROUND).astype(np.uint8)


@dataclass(frozen=True)
class SalientMasks:
    """Masks by the map setting `maps`, of pixels whose saliency is at least `threshold`."""

    maps: str
    threshold: float

    def labels(self, image: ImageInputs) -> np.ndarray:
        return salient_mask(image.fused_maps(self.maps), image.class_ids, image.saliency(), self.threshold)

    def scores(self, image: ImageInputs) -> np.ndarray:
        """Return 1 less the saliency as background, and the saliency times each map's share of all maps' maximum."""
        saliency, maps = image.saliency()[None], image.fused_maps(self.maps).clip(0)
        peak = maps.max(initial=0)
        return np.concatenate([1 - saliency, saliency * (maps / peak if peak > 0 else maps)])


def fuse_salient_masks(
    *,
    split_csv: Path,
    cams_h5: Path,
    saliency_csv: Path,
    threshold_json: Path,
    masks_csv: Path,
    folder: Path,
    maps: str,
    processes: int,
) -> None:
    """Write the baseline's masks with the threshold in `threshold_json`; otherwise as `mdc.masks.fused.fuse_masks`."""
    write_masks(
        SalientMasks(maps, json.loads(threshold_json.read_text())["threshold"]),
        images_with_maps(read_manifest(split_csv), [cams_h5], saliency_csv=saliency_csv),
        total=count_images([cams_h5]),
        masks_csv=masks_csv,
        folder=folder,
        label=f"fuse_salient_masks {maps}",
        processes=processes,
    )
