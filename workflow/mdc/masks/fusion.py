"""From localization maps to pseudo masks, as arrays: fusion, threshold, background, conflicts (paper §3.2 and §4.1)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mdc.data.labels import BACKGROUND, VOID
from mdc.networks.grid import Grid


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How maps become masks; the fields are keys of the config section `masks`, explained there."""

    threshold: float
    relative_to: str
    background_saliency_below: float
    background_below: float
    background_conflict: str
    class_conflict: str


def rectified(maps: np.ndarray, *, rows: int, columns: int) -> np.ndarray:
    """Return maps (..., h, w) with negative values cut to 0, each divided by its own maximum: float32 in 0..1.

    The maximum is over the first `rows` x `columns` features, those that sit on the photo; beyond them, on its
    padding, values are cut at 1. A map without positive values becomes 0 everywhere.
    """
    positive = np.maximum(maps.astype(np.float32), 0)
    peak = positive[..., :rows, :columns].max((-2, -1), keepdims=True, initial=0)
    return np.minimum(positive / np.where(peak > 0, peak, np.inf), 1)


def fuse(maps: np.ndarray, setting: str, names: Sequence[str]) -> np.ndarray:
    """Return one map per class from rectified maps (D, T, h, w): float32 (T, h, w).

    Args:
        setting: `fusion`, the anti-noise fusion of paper §3.2: `H = H_0 + (1 / n_d) * sum_i H_i`, in 0..2;
            `mean`, the plain average of all blocks, in 0..1; or the name of one block, in 0..1.
        names: of the D blocks; block 0 gives H_0.
    """
    if setting == "fusion":
        return maps[0] + maps[1:].mean(0) if len(maps) > 1 else maps[0]
    if setting == "mean":
        return maps.mean(0)
    return maps[list(names).index(setting)]


def object_regions(maps: np.ndarray, *, threshold: float, relative_to: str) -> np.ndarray:
    """Return where each map (T, H, W) is above the threshold: bool (T, H, W).

    Paper §4.1: "the top 30% of the unique largest value". `relative_to: max` compares with `threshold` times the
    map's own maximum over the image, `absolute` with `threshold` itself.
    """
    if relative_to == "absolute":
        return maps > threshold
    return maps > threshold * maps.max((-2, -1), keepdims=True, initial=0)


def background_region(maps: np.ndarray, saliency: np.ndarray | None, recipe: Recipe) -> np.ndarray:
    """Return the background cue, bool (H, W).

    With saliency (H, W) in 0..1: where it is below `background_saliency_below` (paper §4.1). Without: where every
    tagged class's map (T, H, W) is at most `background_below` of its maximum.
    """
    if saliency is not None:
        return saliency < recipe.background_saliency_below
    peaks = maps.max((-2, -1), keepdims=True, initial=0)
    return (maps <= recipe.background_below * peaks).all(0)  # not <: a flat map of 0 has no objects


def assign(
    objects: np.ndarray,
    maps: np.ndarray,
    background: np.ndarray,
    class_ids: np.ndarray,
    *,
    background_conflict: str,
    class_conflict: str,
) -> np.ndarray:
    """Return the mask, uint8 (H, W), in which conflicting and unassigned pixels are 255 (paper §4.1).

    Args:
        objects: bool (T, H, W), the object region of each tagged class.
        maps: (T, H, W), compared where classes conflict.
        background: bool (H, W).
        class_ids: mask index of each of the T classes.
        background_conflict: `ignore` (the paper), or `background` or `object` wins.
        class_conflict: `ignore` (the paper), or the class with the `highest` map wins.
    """
    mask = np.full(background.shape, VOID, np.uint8)
    if not len(class_ids):
        mask[:] = BACKGROUND  # no tags: an image without objects
        return mask
    claims = objects.sum(0)
    mask[background & (claims == 0)] = BACKGROUND
    best = class_ids[np.where(objects, maps, -np.inf).argmax(0)]
    claimed = claims > 0 if class_conflict == "highest" else claims == 1
    if background_conflict != "object":
        claimed &= ~background
    mask[claimed] = best[claimed]
    if background_conflict == "background":
        mask[background] = BACKGROUND
    return mask


def fused_at_image_size(
    maps: np.ndarray, *, setting: str, names: Sequence[str], grid: Grid, height: int, width: int
) -> np.ndarray:
    """Return the fused maps at image size, float32 (T, height, width), of raw maps (D, T, h, w) on `grid`."""
    scaled = rectified(maps, rows=grid.features_on(height), columns=grid.features_on(width))
    return grid.upsample(fuse(scaled, setting, names), height=height, width=width)


def pseudo_mask(maps: np.ndarray, class_ids: np.ndarray, saliency: np.ndarray | None, recipe: Recipe) -> np.ndarray:
    """Return the pseudo mask, uint8 (H, W), of fused maps (T, H, W) for the classes `class_ids` (T,)."""
    objects = object_regions(maps, threshold=recipe.threshold, relative_to=recipe.relative_to)
    return assign(
        objects,
        maps,
        background_region(maps, saliency, recipe),
        class_ids,
        background_conflict=recipe.background_conflict,
        class_conflict=recipe.class_conflict,
    )
