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


def pixel_counts(table: np.ndarray) -> np.ndarray:
    """Return, of each class of a confusion matrix (C, C + 1), the pixels of truth, prediction and both: (C, 3)."""
    return np.stack([table.sum(1), table[:, :-1].sum(0), np.diag(table)], axis=1)


def iou_of(pixels: np.ndarray) -> np.ndarray:
    """Return intersection over union per class, float64 (..., C) in 0..1, of `pixel_counts` (..., C, 3).

    Pixels without a label count as misses. NaN for a class that is neither in the truth nor predicted.
    """
    truth, predicted, hits = np.moveaxis(pixels, -1, 0)
    return ratio(hits, truth + predicted - hits)


def mean_iou_of(pixels: np.ndarray, *, only_true: bool) -> np.ndarray:
    """Return the mean of `iou_of` over the classes that occur, float64 (...) in 0..1; NaN where none does.

    Args:
        pixels: (..., C, 3) of `pixel_counts`.
        only_true: leaves out the classes that are merely predicted. So settings that are compared on the same sample of
            images are averaged over the same classes: otherwise one wrong pixel of a class that the sample lacks would
            cost one of them a whole class.
    """
    return _mean(iou_of(pixels), (pixels[..., 0] if only_true else pixels.sum(-1)) > 0)


def _mean(values: np.ndarray, counted: np.ndarray) -> np.ndarray:
    return ratio(np.where(counted, values, 0).sum(-1), counted.sum(-1))


def known_mean(values: np.ndarray) -> float:
    """Return the mean of the finite values, NaN if there is none."""
    return float(_mean(values, np.isfinite(values)))


def class_iou(table: np.ndarray) -> np.ndarray:
    """Return `iou_of` a confusion matrix (C, C + 1): float64 (C,)."""
    return iou_of(pixel_counts(table))


def mean_iou(table: np.ndarray) -> float:
    """Return the mean of `class_iou` over the classes that occur in truth or prediction; NaN if none does."""
    return float(mean_iou_of(pixel_counts(table), only_true=False))


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
        "precision": known_mean(precision),
        "recall": known_mean(recall),
        "labelled": float(ratio(table[:, :-1].sum(), table.sum())),
    }
