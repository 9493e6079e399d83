"""The saliency threshold that the masks `salient-<maps>` use, chosen on the training images."""

from pathlib import Path

import numpy as np

from mdc.data.labels import BACKGROUND, VOID
from mdc.data.manifest import read_manifest
from mdc.data.mask_files import read_mask
from mdc.runtime.parallel import map_in_order
from mdc.saliency.maps import read_saliency
from mdc.storage.image_tables import paths_of


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
        histogram: see `saliency_histogram`.
    """
    at_least = histogram[:, ::-1].cumsum(1)[:, ::-1]
    iou = at_least[0] / np.maximum(histogram[0].sum() + at_least[1], 1)
    best = int(iou.argmax())
    return best / 255, float(iou[best])


def choose_saliency_threshold(*, train_csv: Path, saliency_csv: Path, processes: int) -> dict[str, float | None]:
    """Return `threshold` and `foreground_iou` of the saliency maps that fit the training images' true masks best.

    Without true masks the threshold is 0.5 and the IoU is None.
    """
    table = read_manifest(train_csv)
    table = table[table["mask"] != ""]
    if table.empty:
        return {"threshold": 0.5, "foreground_iou": None}
    items = list(zip(table["mask"], paths_of(list(table["id"]), [saliency_csv]), strict=True))
    histograms = map_in_order(_histogram_of, items, processes=processes, label="choose_saliency_threshold")
    threshold, iou = best_saliency_threshold(sum(histograms, np.zeros((2, 256), np.int64)))
    return {"threshold": threshold, "foreground_iou": iou}
