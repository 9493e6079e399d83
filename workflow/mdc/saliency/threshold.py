"""The saliency threshold that the masks `salient-<maps>` use, chosen on the training images."""

from pathlib import Path
from typing import Any

import numpy as np

from mdc.data.labels import BACKGROUND, VOID
from mdc.data.manifest import read_manifest
from mdc.data.mask_files import read_mask
from mdc.runtime.logs import logger
from mdc.runtime.parallel import map_in_order
from mdc.saliency.maps import read_saliency
from mdc.storage.image_tables import paths_of

WITHOUT_OBJECTS = 0.5  # the threshold where no true mask shows an object


def saliency_histogram(truth: np.ndarray, saliency: np.ndarray) -> np.ndarray:
    """Return the pixels of true objects and of true background by saliency: int64 (2, 256).

    Args:
        truth: uint8 mask (H, W); 255 is not counted.
        saliency: (H, W) in 0..1, counted by its 8-bit level.
    """
    levels = np.round(255 * saliency).astype(np.uint8)
    foreground = (truth != BACKGROUND) & (truth != VOID)
    return np.stack([np.bincount(levels[region], minlength=256) for region in (foreground, truth == BACKGROUND)])


def _histogram_of(item: tuple[str, str]) -> np.ndarray:
    truth_path, saliency_path = item
    truth = read_mask(Path(truth_path))
    return saliency_histogram(truth, read_saliency(Path(saliency_path), size=truth.shape))


def best_saliency_threshold(histogram: np.ndarray) -> tuple[float, float]:
    """Return the threshold in 0..1 at which salient pixels overlap best with true objects, and that IoU.

    Args:
        histogram: see `saliency_histogram`; with pixels of objects, else no threshold is better than another.
    """
    at_least = histogram[:, ::-1].cumsum(1)[:, ::-1]
    iou = at_least[0] / np.maximum(histogram[0].sum() + at_least[1], 1)
    best = int(iou.argmax())
    return best / 255, float(iou[best])


def choose_saliency_threshold(*, train_csv: Path, saliency_csv: Path, processes: int) -> dict[str, Any]:
    """Return the `threshold` of saliency that fits the training images' true masks best, and its `foreground_iou`.

    `reason` says where it comes from. Where no true mask shows an object, the threshold is `WITHOUT_OBJECTS` and the
    IoU is None; the log says so, too.
    """
    table = read_manifest(train_csv)
    table = table[table["mask"] != ""]
    if table.empty:
        return _without_objects("no training image has a true mask")
    items = list(zip(table["mask"], paths_of(list(table["id"]), [saliency_csv]), strict=True))
    histograms = map_in_order(_histogram_of, items, processes=processes, label="choose_saliency_threshold")
    histogram = sum(histograms, np.zeros((2, 256), np.int64))
    if not histogram[0].any():
        return _without_objects(f"the true masks of {len(table)} training images show no object")
    threshold, iou = best_saliency_threshold(histogram)
    reason = f"best on the true masks of {len(table)} training images"
    return {"threshold": threshold, "foreground_iou": iou, "reason": reason}


def _without_objects(why: str) -> dict[str, Any]:
    logger.warning("%s: the saliency threshold of the baseline masks is %g, the default", why, WITHOUT_OBJECTS)
    return {"threshold": WITHOUT_OBJECTS, "foreground_iou": None, "reason": f"default: {why}"}
