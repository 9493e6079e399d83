"""A segmenter whose masks can be worked out by hand: bright photos are cats."""

from pathlib import Path

import numpy as np
import torch

from mdc.networks.checkpoints import save_network
from mdc.networks.largefov import LargeFov
from tests.unit.networks.slim_networks import slim_segmenter

CLASSES = ("background", "cat", "dog")
WHITE = (1 - 0.485) / 0.229  # the red of a white pixel once standardised; that of a black one is below 0
THRESHOLD = 0.4375 * WHITE
EDGE, FIRST_CAT = 20, 12


def bright_is_cat() -> LargeFov:
    """Return a segmenter of stride 8 whose scores are THRESHOLD, the largest red around a feature, and -1.

    Every convolution hands on the red channel, so what is left is three 3x3 max pools of stride 2: the feature on
    pixel 8i sees the pixels 8i - 7 to 8i + 7.
    """
    network = slim_segmenter().build()
    with torch.no_grad():
        convolutions = [layer for layer in network.encoder.layers if isinstance(layer, torch.nn.Conv2d)]
        for conv in [*convolutions, network.fc6, network.fc7]:
            conv.weight.zero_()
            conv.bias.zero_()
            conv.weight[0, 0, conv.weight.shape[2] // 2, conv.weight.shape[3] // 2] = 1
        network.score.weight.zero_()
        network.score.weight[1, 0] = 1
        network.score.bias.copy_(torch.tensor([THRESHOLD, 0, -1]))
    return network.eval()


def photo(height: int, width: int) -> np.ndarray:
    """Return a photo that is black to the left of column EDGE and white from there on.

    The feature on pixel 16 is the first that sees white, those on 0 and 8 see none. In between, x pixels after 8, cat
    has the score WHITE * x / 8, which is above THRESHOLD from x = 4 on: cats begin at column FIRST_CAT.
    """
    image = np.zeros((height, width, 3), np.uint8)
    image[:, EDGE:] = 255
    return image


def mask(height: int, width: int) -> np.ndarray:
    """Return the mask that `bright_is_cat` gives `photo`."""
    return np.broadcast_to(np.arange(width) >= FIRST_CAT, (height, width)).astype(np.uint8)


def save(path: Path, *, max_side_px: int = 100) -> Path:
    """Write the weights of `bright_is_cat` as the segmenter stage does, and return their path."""
    description = slim_segmenter(classes=list(CLASSES[1:]), max_side_px=max_side_px)
    save_network(path, bright_is_cat(), description, settings={})
    return path
