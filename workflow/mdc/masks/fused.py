"""The producer `fused`: fused maps, cut by one threshold and completed with background (paper 3.2 and 4.1)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mdc.data.manifest import read_manifest
from mdc.masks.best_threshold import best_threshold
from mdc.masks.fusion import Recipe, pseudo_mask
from mdc.masks.producers import ImageInputs, count_images, images_with_maps, write_masks


def share_of_maximum(maps: np.ndarray) -> np.ndarray:
    """Return maps (T, H, W), each divided by its own maximum: float32 in 0..1, 0 everywhere for a map without one."""
    peaks = maps.max((-2, -1), keepdims=True, initial=0)
    return (maps / np.where(peaks > 0, peaks, np.inf)).astype(np.float32)


def fused_scores(image: ImageInputs, maps: str) -> np.ndarray:
    """Return what speaks for background and classes in the map setting `maps`: float32 (1 + T, H, W) in 0..1.

    Each class's map as a share of its maximum, and as background 1 less the saliency, without saliency 1 less the
    highest of the maps.
    """
    objects, saliency = share_of_maximum(image.fused_maps(maps)), image.saliency()
    salient = objects.max(0, initial=0) if saliency is None else saliency
    return np.concatenate([1 - salient[None], objects])


@dataclass(frozen=True)
class FusedMasks:
    """Pseudo masks of the map setting `maps` (a block, fusion or mean), made as `recipe` says."""

    maps: str
    recipe: Recipe

    def labels(self, image: ImageInputs) -> np.ndarray:
        return pseudo_mask(image.fused_maps(self.maps), image.class_ids, image.saliency(), self.recipe)

    def scores(self, image: ImageInputs) -> np.ndarray:
        """Return `fused_scores`."""
        return fused_scores(image, self.maps)


def fuse_masks(
    *,
    split_csv: Path,
    cams_h5: Path,
    saliency_csv: Path | None,
    masks_csv: Path,
    folder: Path,
    maps: str,
    recipe: dict[str, Any],
    sweep_csv: Path | None,
    processes: int,
) -> None:
    """Write the pseudo masks of the images of a file of maps; see `mdc.masks.producers.write_masks`.

    Args:
        saliency_csv: table of saliency maps; None without saliency.
        maps: see `mdc.masks.fusion.fuse`.
        recipe: fields of `Recipe`; the threshold `best` is looked up in `sweep_csv`.
        sweep_csv: as `mdc.masks.sweep.sweep_threshold` wrote it, or None.

    Raises:
        InputError: a map file or a saliency map is damaged, or an image has no saliency map; the best threshold is
            asked for and no training image has a true mask.
    """
    if sweep_csv is not None:
        recipe = recipe | {"threshold": best_threshold(pd.read_csv(sweep_csv), source=sweep_csv)}
    write_masks(
        FusedMasks(maps, Recipe(**recipe)),
        images_with_maps(read_manifest(split_csv), [cams_h5], saliency_csv=saliency_csv),
        total=count_images([cams_h5]),
        masks_csv=masks_csv,
        folder=folder,
        label=f"fuse_masks {maps}",
        processes=processes,
    )
