"""The weak, the strong and the mixed loss of the segmenter (paper §3.3, equations 1 and 2)."""

import torch
from torch import Tensor
from torch.nn import functional

from mdc.data.labels import VOID


def mean_over_labelled(log_probabilities: Tensor, labels: Tensor) -> Tensor:
    """Return, per image, the mean of -log f_{u,c} over the labelled pixels: one term of equation 1.

    Args:
        log_probabilities: (N, C, h, w), log of the softmax over classes.
        labels: int64 (N, h, w), class indices, 255 where unlabelled.

    Returns:
        (N,), 0 for an image without labelled pixels.
    """
    losses = functional.nll_loss(log_probabilities, labels, ignore_index=VOID, reduction="none")
    labelled = (labels != VOID).sum((1, 2))
    return losses.sum((1, 2)) / labelled.clamp(min=1)


@torch.no_grad()
def online_mask(scores: Tensor, tags: Tensor, padding: Tensor) -> Tensor:
    """Return the mask predicted online (paper §3.3.1): the best of background and the image's tags at every pixel.

    Args:
        scores: (N, C, h, w), logits or log-probabilities.
        tags: (N, K = C - 1), 1 for the classes that the image is tagged with.
        padding: bool (N, h, w), true outside the photo.

    Returns:
        int64 (N, h, w), 255 on padding. No gradient flows through it.
    """
    allowed = torch.cat([torch.ones_like(tags[:, :1]), tags], dim=1).bool()
    labels = scores.masked_fill(~allowed[:, :, None, None], -torch.inf).argmax(1)
    return labels.masked_fill(padding, VOID)


def strong_loss(scores: Tensor, masks: Tensor) -> Tensor:
    """Return J_s of equation 2, averaged over the batch: a scalar.

    Args:
        scores: logits (N, C, h, w).
        masks: int64 (N, h, w), human or pseudo masks, 255 where unlabelled.
    """
    return mean_over_labelled(scores.log_softmax(1), masks).mean()


def semi_loss(scores: Tensor, masks: Tensor, tags: Tensor, padding: Tensor, strong: Tensor) -> Tensor:
    """Return J_w + J_s of equation 2, averaged over the batch: a scalar.

    Weak images have both terms of equation 1: over their pseudo masks and over the masks predicted online, each
    normalised by its own number of labelled pixels. (The printed equation repeats the hat; the first term is over M_w.)
    Strong images have the first, over their human masks. The parameters are shared, and each image counts alike.

    Args:
        scores: logits (N, C, h, w).
        masks: int64 (N, h, w), pseudo masks of weak images and human masks of strong ones, 255 where unlabelled.
        tags, padding: see `online_mask`.
        strong: bool (N,), true for images with human masks.
    """
    log_probabilities = scores.log_softmax(1)
    online = online_mask(log_probabilities, tags, padding)
    online = torch.where(strong[:, None, None], VOID, online)
    return (mean_over_labelled(log_probabilities, masks) + mean_over_labelled(log_probabilities, online)).mean()
