"""Bootstrap intervals over images for mean intersection over union and average precision, and for their differences."""

import numpy as np

LEVEL = 0.95


def resampled(images: int, *, draws: int, seed: int) -> np.ndarray:
    """Return how often each image is taken in each bootstrap sample of as many images: int64 (draws, images)."""
    return np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), size=draws)


def mean_iou_of(pixels: np.ndarray) -> np.ndarray:
    """Return the mean IoU, in 0..1, over the classes that occur in the truth.

    So that settings compared on the same sample of images are averaged over the same classes: with those that are
    merely predicted, one wrong pixel of a class that the sample lacks would cost one of them a whole class.

    Args:
        pixels: (..., C, 3): of each class, the pixels of the truth, of the prediction, and of both at once.

    Returns:
        float64 (...), NaN where no class occurs.
    """
    truth, predicted, hits = np.moveaxis(np.asarray(pixels, np.float64), -1, 0)
    union = truth + predicted - hits
    iou = np.divide(hits, union, out=np.zeros_like(hits), where=truth > 0)
    occurs = (truth > 0).sum(-1)
    return np.divide(iou.sum(-1), occurs, out=np.full(occurs.shape, np.nan), where=occurs > 0)


def bootstrapped(pixels: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Return the mean IoU of every bootstrap sample: float64 (draws,).

    Args:
        pixels: (N, C, 3), per image what `mean_iou_of` takes.
        samples: (draws, N) of `resampled`. The same samples for two settings give paired differences.
    """
    total = samples @ pixels.reshape(len(pixels), -1)
    return mean_iou_of(total.reshape(len(samples), *pixels.shape[1:]))


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the percentile interval that holds 95 % of the bootstrap values; NaN for samples without the class."""
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(values, [tail, 1 - tail])
    return float(low), float(high)


def average_precision(scores: np.ndarray, tags: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the average precision of each class, float64 (K,), NaN for a class without images.

    Not torchmetrics', which takes no weights: a bootstrap of copies would sort them anew in every sample.
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
