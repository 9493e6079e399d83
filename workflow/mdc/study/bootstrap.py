"""Bootstrap intervals over images for mean intersection over union and average precision, and for their differences."""

import numpy as np

from mdc.data.metrics import mean_iou_of

LEVEL = 0.95


def resampled(images: int, *, draws: int, seed: int) -> np.ndarray:
    """Return how often each image is taken in each bootstrap sample of as many images: int64 (draws, images)."""
    return np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), size=draws)


def bootstrapped(pixels: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Return the mean IoU over the true classes of every bootstrap sample: float64 (draws,), NaN where none occurs.

    Args:
        pixels: (N, C, 3), per image as of `mdc.data.metrics.pixel_counts`.
        samples: (draws, N) of `resampled`. The same samples for two settings give paired differences.
    """
    total = samples @ pixels.reshape(len(pixels), -1)
    return mean_iou_of(total.reshape(len(samples), *pixels.shape[1:]), only_true=True)


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the percentile interval that holds 95 % of the bootstrap values; NaN for samples without the class."""
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(values, [tail, 1 - tail])
    return float(low), float(high)


def average_precision(scores: np.ndarray, tags: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the average precision of each class, float64 (K,), NaN for a class without images.

    Not torchmetrics', which takes no weights: a bootstrap of copies would sort them again in every sample.
    It is the mean, over the images of the class, of the precision among all images that score at least as high.

    Args:
        scores: (N, K); ties are taken in the order of the rows.
        tags: (N, K), 1 where an image has the class.
        weights: (N,), how often each image counts; once each if None.
    """
    weights = np.ones(len(scores)) if weights is None else weights
    found = np.full(scores.shape[1], np.nan)
    for column in range(scores.shape[1]):
        order = np.argsort(-scores[:, column], kind="stable")
        weight, hit = weights[order], weights[order] * tags[order, column]
        if hit.sum() > 0:
            precision = np.cumsum(hit) / np.maximum(np.cumsum(weight), 1e-12)
            found[column] = (precision * hit).sum() / hit.sum()
    return found
