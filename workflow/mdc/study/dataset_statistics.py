"""Numbers that describe a dataset of images with true masks, to compare drawn scenes with photographs."""

import math
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from mdc.data.images import read_image
from mdc.data.labels import BACKGROUND, VOID
from mdc.data.manifest import read_manifest
from mdc.data.mask_files import read_mask
from mdc.runtime.errors import InputError
from mdc.runtime.parallel import map_in_order
from mdc.saliency.maps import read_saliency
from mdc.saliency.threshold import best_saliency_threshold, saliency_histogram
from mdc.storage.image_tables import paths_of

MIN_PART = 0.003  # of the image: smaller parts of a mask are crumbs
RING = 0.08  # of the image's longer side: how far the surroundings of an object reach
BORDER_PX = 3  # an object this near to the border touches it: the outermost pixels are void in some masks
CONTACT_PX = 4
PAPER_THRESHOLD = 0.06  # of saliency, below which the paper takes background (§4.1)


def tag_counts(table: pd.DataFrame) -> np.ndarray:
    """Return the number of tags of every image of a manifest: int64 (N,)."""
    return np.array([len(tags.split(";")) if tags else 0 for tags in table["tags"]], np.int64)


def described_objects(image: np.ndarray, mask: np.ndarray) -> list[dict[str, float]]:
    """Return, for every connected part of a class in a mask, its size, contrast, and what it touches.

    Args:
        image: uint8 (H, W, 3), RGB.
        mask: uint8 (H, W).

    Returns:
        area: share of the image; contrast: distance in CIELAB between the mean colours of the part and of the
        background around it, NaN without; border, contact: 1 if it touches the border or another class, else 0.
    """
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    foreground = (mask != BACKGROUND) & (mask != VOID)
    reach = max(3, round(RING * max(mask.shape)))
    rows = []
    for class_id in np.unique(mask[foreground]):
        count, parts, boxes, _ = cv2.connectedComponentsWithStats((mask == class_id).astype(np.uint8), connectivity=8)
        for number in range(1, count):
            x, y, width, height, area = boxes[number]
            if area < MIN_PART * mask.size:
                continue
            part = (parts == number).astype(np.uint8)
            around = (cv2.dilate(part, np.ones((2 * reach + 1,) * 2, np.uint8)) > 0) & (mask == BACKGROUND)
            near = cv2.dilate(part, np.ones((2 * CONTACT_PX + 1,) * 2, np.uint8)) > 0
            far_x, far_y = mask.shape[1] - x - width, mask.shape[0] - y - height
            difference = lab[part > 0].mean(0) - lab[around].mean(0) if around.any() else np.nan
            rows.append(
                {
                    "area": area / mask.size,
                    "contrast": float(np.linalg.norm(difference)),
                    "border": float(min(x, y, far_x, far_y) <= BORDER_PX),
                    "contact": float((near & foreground & (mask != class_id)).any()),
                }
            )
    return rows


def _described(item: tuple[str, str, str]) -> tuple[list[dict[str, float]], np.ndarray, np.ndarray]:
    image_path, mask_path, saliency_path = item
    mask = read_mask(Path(mask_path))
    histogram = saliency_histogram(mask, read_saliency(Path(saliency_path), size=mask.shape))
    foreground = (mask != BACKGROUND) & (mask != VOID)
    return described_objects(read_image(Path(image_path)), mask), histogram, np.array([foreground.mean()])


def _saliency_at(histogram: np.ndarray, level: int, where: str) -> dict[str, float]:
    """Return how pixels of at least `level` (0..255) meet the objects; `histogram` is that of `saliency_threshold`."""
    above = histogram[:, level:].sum(1)
    return {
        f"rbd, precision {where}": float(above[0] / max(above.sum(), 1)),
        f"rbd, recall {where}": float(above[0] / max(histogram[0].sum(), 1)),
        f"rbd, share of background called salient {where}": float(above[1] / max(histogram[1].sum(), 1)),
    }


def describe_data(*, split_csv: Path, saliency_csv: Path, processes: int) -> pd.DataFrame:
    """Return statistics of a split's images with true masks, a row per measure: columns measure and value.

    Shares of images and objects are in 0..1; quantiles are over images (foreground) or objects (area, contrast). The
    saliency rows are pooled over all pixels, at the threshold with the best intersection over union and at the paper's.

    Raises:
        InputError: no image has a true mask.
    """
    table = read_manifest(split_csv)
    table = table[table["mask"] != ""]
    if table.empty:
        raise InputError(f"{split_csv}: no image has a true mask, without which the data cannot be described")
    items = list(zip(table["image"], table["mask"], paths_of(list(table["id"]), [saliency_csv]), strict=True))
    found = list(map_in_order(_described, items, processes=processes, label="describe_data"))
    measures = ["area", "contrast", "border", "contact"]  # named, as there may be no object
    objects = pd.DataFrame([row for rows, _, _ in found for row in rows], columns=measures)
    histogram = sum((part for _, part, _ in found), np.zeros((2, 256), np.int64))
    threshold, iou = best_saliency_threshold(histogram)
    shares = np.concatenate([share for _, _, share in found])
    tags = tag_counts(table)
    rows = {
        "images": len(table),
        "images with several tags": float((tags > 1).mean()),
        "foreground, share of pixels": float(shares.mean()),
        **{f"foreground, {q:.0%} quantile": float(np.quantile(shares, q)) for q in (0.05, 0.5, 0.95)},
        "objects per image": len(objects) / len(table),
        **{
            f"area of objects, {q:.0%} quantile": float(objects["area"].quantile(q))
            for q in (0.05, 0.25, 0.5, 0.75, 0.95)
        },
        "objects that touch the border": float(objects["border"].mean()),
        "objects in contact with another class": float(objects["contact"].mean()),
        **{f"contrast of objects, {q:.0%} quantile": float(objects["contrast"].quantile(q)) for q in (0.05, 0.5, 0.95)},
        "rbd, best threshold": threshold,
        "rbd, foreground IoU there": iou,
        **_saliency_at(histogram, round(255 * threshold), "there"),
        **_saliency_at(histogram, math.ceil(255 * PAPER_THRESHOLD), f"at {PAPER_THRESHOLD:g}"),
    }
    return pd.DataFrame(rows.items(), columns=["measure", "value"])
