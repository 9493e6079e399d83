"""What localization maps respond to, measured on images with true masks: the paper's arguments, one number each.

Everything here looks at the maps alone, without saliency and without the rules for conflicts.
"""

from collections.abc import Sequence

import numpy as np

from mdc.data.labels import BACKGROUND, VOID

DISTANCES_PX = tuple(range(0, 50, 2))  # edges of the bins of `response_by_distance`; wide ones would mix distances
REGIONS = ("body", "distractor", "background")
MIN_PIXELS = 4  # of a region in a bin: the mean of fewer is chance


def region_counts(maps: np.ndarray, truth: np.ndarray, class_id: int, thresholds: Sequence[float]) -> np.ndarray:
    """Return how one class's object region meets its true pixels at each threshold: int64 (thresholds, 3).

    Args:
        maps: (H, W), the class's map at image size.
        truth: uint8 (H, W) mask; 255 is not counted.
        thresholds: shares of the map's maximum, as in `mdc.masks.fusion.object_regions`.

    Returns:
        Pixels of the class, of the region, and of both.
    """
    counted = truth != VOID
    values, true = maps[counted], truth[counted] == class_id
    above = values[None] > np.asarray(thresholds, values.dtype)[:, None] * maps.max(initial=0)
    return np.stack([np.full(len(above), true.sum()), above.sum(1), (above & true).sum(1)], axis=1)


def seen_by(regions: np.ndarray, truth: np.ndarray, class_id: int) -> np.ndarray:
    """Return how many true and how many false positive pixels lie in the regions of 1, 2, ... D blocks: int64 (2, D).

    Paper §3.2: true regions are found by two or more of the blocks, noise by one.

    Args:
        regions: bool (D, H, W), the object regions of one class by block.
        truth: uint8 (H, W) mask; 255 is not counted.
    """
    blocks = regions.sum(0)
    rows = [(truth == class_id), (truth != class_id) & (truth != VOID)]
    return np.stack([np.bincount(blocks[row], minlength=len(regions) + 1)[1:] for row in rows])


def response_by_distance(
    maps: np.ndarray,
    *,
    heads: Sequence[tuple[float, float, float]],
    other_heads: np.ndarray,
    truth: np.ndarray,
    class_id: int,
    distractors: np.ndarray,
) -> np.ndarray:
    """Return the mean of one class's maps in one image by region and by distance from the nearest of its heads.

    Answers whether dilated blocks follow the body of an object or draw a circle around its head (paper §3.1): of a
    circle the body and the background at the same distance from the same head see the same. Means over several objects
    must be taken of what this returns, object by object: large ones have body where small ones have background.

    Args:
        maps: (M, H, W), the class's map of every setting, each divided by its maximum.
        heads: x, y and radius in pixels of the class's heads.
        other_heads: bool (H, W), where any head lies; these pixels are not counted.
        truth: uint8 (H, W) mask.
        distractors: bool (H, W).

    Returns:
        float64 (M, 3, B) over `REGIONS` and the bins of `DISTANCES_PX`, the distance counted from the head's outline;
        NaN where a region has fewer than `MIN_PIXELS` in a bin.
    """
    rows, columns = np.indices(truth.shape)
    distance = np.min([np.hypot(columns - x, rows - y) - radius for x, y, radius in heads], axis=0)
    bins = np.digitize(distance, DISTANCES_PX) - 1
    size = len(DISTANCES_PX) - 1
    valid = ~other_heads & (bins >= 0) & (bins < size)
    ground = truth == BACKGROUND
    means = np.full((len(maps), len(REGIONS), size), np.nan)
    for index, region in enumerate((truth == class_id, ground & distractors, ground & ~distractors)):
        inside = region & valid
        pixels = np.bincount(bins[inside], minlength=size)
        for number, values in enumerate(maps):
            sums = np.bincount(bins[inside], weights=values[inside], minlength=size)
            np.divide(sums, pixels, out=means[number, index], where=pixels >= MIN_PIXELS)
    return means


def contrast(means: np.ndarray) -> np.ndarray:
    """Return how much more a map answers on the body than on another region at the same distance: float64 (M, 2).

    The mean over the bins in which both have pixels, against distractor and against background; NaN without such a bin.
    About 0 for a circle around the head; 1 at most.

    Args:
        means: (M, 3, B) of `response_by_distance`.
    """
    differences = means[:, :1] - means[:, 1:]
    known = np.isfinite(differences)
    total = np.where(known, differences, 0).sum(-1)
    return np.divide(total, known.sum(-1), out=np.full(total.shape, np.nan), where=known.any(-1))
