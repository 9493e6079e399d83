"""Indices, names and colours of PASCAL VOC's masks."""

import numpy as np

BACKGROUND = 0
VOID = 255
CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)


def _palette() -> np.ndarray:
    index = np.arange(256)
    colours = np.zeros((256, 3), dtype=np.uint8)
    for triple in range(8):  # bits 0, 1, 2 of each group of three go to red, green, blue, from the highest bit down
        for channel in range(3):
            colours[:, channel] |= ((index >> (3 * triple + channel) & 1) << (7 - triple)).astype(np.uint8)
    return colours


PALETTE = _palette()  # uint8 (256, 3) RGB: the colour of each mask index
