"""Confusion matrices and what is read off them (paper §4.1: mean intersection over union, 255 not counted)."""

import numpy as np

from mdc.data.labels import VOID

BLOCK_PX = 1 << 20  # pixels counted at once, so that a large photo takes no more memory than its masks


def confusion(truth: np.ndarray, predicted: np.ndarray, *, classes: int) -> np.ndarray:
    """Return how many pixels of each true class were given each label.

    Args:
        truth: uint8 mask; 255 is not counted.
        predicted: uint8 mask of the same shape; 255 means that no label was given.
        classes: number of foreground classes K; indices are 0..K.

    Returns:
        int64 (C, C + 1) with C = K + 1: rows true classes, columns given labels, the last one "no label".

    Raises:
        ValueError: the shapes differ, or an index is above K.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"masks of {truth.shape} and {predicted.shape} pixels cannot be compared")
    if max(mask[mask != VOID].max(initial=0) for mask in (truth, predicted)) > classes:
        raise ValueError(f"a mask has an index above {classes}, the number of classes")
    truth, predicted = truth.ravel(), predicted.ravel()
    blocks = [slice(start, start + BLOCK_PX) for start in range(0, truth.size, BLOCK_PX)]
    counts = [_pairs(truth[block], predicted[block], size=classes + 1) for block in blocks]
    return sum(counts, np.zeros((classes + 1, classes + 2), np.int64))


def _pairs(truth: np.ndarray, predicted: np.ndarray, *, size: int) -> np.ndarray:
    """Return the confusion matrix of some pixels: int64 (size, size + 1) of uint8 (N,) and uint8 (N,)."""
    counted = truth != VOID
    given = np.where(predicted == VOID, size, predicted)[counted].astype(np.int64)
    pairs = truth[counted].astype(np.int64) * (size + 1) + given
    return np.bincount(pairs, minlength=size * (size + 1)).reshape(size, size + 1)


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return `part / whole`, float64, broadcast as usual; NaN where the whole is 0."""
    shape = np.broadcast_shapes(np.shape(part), np.shape(whole))
    return np.divide(part, whole, out=np.full(shape, np.nan), where=np.asarray(whole) > 0)


def class_iou(table: np.ndarray) -> np.ndarray:
    """Return intersection over union per class, float64 (C,) in 0..1, of a confusion matrix (C, C + 1).

    Pixels without a label count as misses. NaN for a class that is neither in the truth nor predicted.
    """
    hits = np.diag(table)
    return ratio(hits, table.sum(1) + table[:, :-1].sum(0) - hits)


def mean_iou(table: np.ndarray) -> float:
    """Return the mean of `class_iou` over the classes that occur, in 0..1; NaN if none does."""
    iou = class_iou(table)
    return float(np.nanmean(iou)) if np.isfinite(iou).any() else float("nan")


def pixel_accuracy(table: np.ndarray) -> float:
    """Return the share of true pixels with the right label, in 0..1; NaN without pixels."""
    return float(ratio(np.diag(table).sum(), table.sum()))


def summary(table: np.ndarray) -> dict[str, float]:
    """Return what describes masks in one row, all in 0..1.

    `miou` and `pixel_accuracy`; `precision` and `recall`, their means over the foreground classes that occur in the
    masks or in the truth respectively; `labelled`, the share of pixels that were given a label.
    """
    hits = np.diag(table)[1:]
    precision, recall = ratio(hits, table[:, 1:-1].sum(0)), ratio(hits, table[1:].sum(1))
    return {
        "miou": mean_iou(table),
        "pixel_accuracy": pixel_accuracy(table),
        "precision": float(np.nanmean(precision)) if np.isfinite(precision).any() else float("nan"),
        "recall": float(np.nanmean(recall)) if np.isfinite(recall).any() else float("nan"),
        "labelled": float(ratio(table[:, :-1].sum(), table.sum())),
    }
