"""A photo with its mask drawn over it, for people to look at."""

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mdc.data.labels import BACKGROUND, PALETTE
from mdc.figures.letters import FONT, drawable
from mdc.training.augmentation import resized_long_side

LONG_SIDE_PX = (640, 1280)  # smaller photos are enlarged and larger ones reduced, so that outline and legend are seen
COLOUR_SHARE = 0.45  # of the class's colour over the photo's
OUTLINE = 255  # white, two pixels wide
TEXT_PX, LINE_PX, PATCH_PX, GAP_PX = 16, 26, 16, 8


def overlay(image: np.ndarray, mask: np.ndarray, labels: Sequence[tuple[int, str]]) -> np.ndarray:
    """Return the photo with the classes of its mask in their VOC colours, outlined in white, above a legend.

    Args:
        image: uint8 (H, W, 3), RGB.
        mask: uint8 (H, W) of class indices; background is left unchanged.
        labels: the legend's entries in order, (class index, text).

    Returns:
        uint8 (H', W', 3): the photo, its long side brought between 640 and 1280 pixels, and the legend below it.
    """
    lowest, highest = LONG_SIDE_PX
    image = resized_long_side(image, min(max(lowest, *mask.shape), highest))
    mask = cv2.resize(mask, image.shape[1::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    drawn = np.where(
        (mask == BACKGROUND)[..., None],
        image,
        ((1 - COLOUR_SHARE) * image + COLOUR_SHARE * PALETTE[mask]).round().astype(np.uint8),
    )
    drawn[_outline(mask)] = OUTLINE
    return np.concatenate([drawn, _legend(labels, width=image.shape[1])])


def _outline(mask: np.ndarray) -> np.ndarray:
    """Return where a pixel has a neighbour of another class, bool (H, W)."""
    edge = np.zeros(mask.shape, bool)
    across, down = mask[:, 1:] != mask[:, :-1], mask[1:] != mask[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    return edge


def _legend(labels: Sequence[tuple[int, str]], *, width: int) -> np.ndarray:
    """Return a white strip uint8 (h, width, 3) with a patch of colour and a text for every label, in lines."""
    font = ImageFont.truetype(str(FONT), TEXT_PX)
    places, x, line = [], GAP_PX, 0
    for index, text in ((index, drawable(text)) for index, text in labels):
        length = PATCH_PX + GAP_PX + round(font.getlength(text))
        if x > GAP_PX and x + length > width:
            x, line = GAP_PX, line + 1
        places.append((index, text, x, line * LINE_PX + GAP_PX))
        x += length + 3 * GAP_PX
    strip = Image.new("RGB", (width, (line + 1) * LINE_PX + GAP_PX), "white")
    draw = ImageDraw.Draw(strip)
    for index, text, left, top in places:
        draw.rectangle((left, top, left + PATCH_PX - 1, top + PATCH_PX - 1), fill=tuple(PALETTE[index].tolist()))
        draw.text((left + PATCH_PX + GAP_PX, top + PATCH_PX // 2), text, fill="black", font=font, anchor="lm")
    return np.asarray(strip)
