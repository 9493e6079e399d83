"""The scores stage: masks against ground truth, as confusion matrices and scores per image (paper 4)."""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mdc.data.class_names import UNLABELLED
from mdc.data.labels import BACKGROUND
from mdc.data.manifest import read_manifest
from mdc.data.mask_files import read_mask
from mdc.data.mask_sizes import nearest
from mdc.data.metrics import confusion, mean_iou, pixel_accuracy, pixel_counts
from mdc.runtime.files import write_whole
from mdc.runtime.parallel import map_in_order
from mdc.storage.image_tables import paths_of

PIXEL_COLUMNS = ["id", "class", "truth", "predicted", "hits", "labelled"]


def _confusion_of(item: tuple[str, str | None, tuple[int, int]], *, classes: int) -> np.ndarray:
    truth_path, mask_path, reduced = item
    truth = read_mask(Path(truth_path), classes=classes)
    if mask_path is None:
        predicted = np.full_like(truth, BACKGROUND)
    else:
        predicted = read_mask(Path(mask_path), classes=classes, size=truth.shape, reduced=reduced)
        predicted = nearest(predicted, height=truth.shape[0], width=truth.shape[1])
    return confusion(truth, predicted, classes=classes)


def score_masks(
    *,
    split_csv: Path,
    masks_csv: Path | None,
    confusion_csv: Path,
    images_csv: Path,
    pixels_csv: Path,
    classes: Sequence[str],
    processes: int,
) -> None:
    """Compare masks with the true masks of a split, at the photos' own sizes.

    Pseudo masks, which have the size of the photo as the networks see it, are enlarged to the nearest pixel's label.

    Writes the confusion matrix in pixels (a row per true class, a column per label, the last one `unlabelled`); a row
    per image: id, miou over the classes that occur in it, pixel_accuracy; and a row per image and class that occurs in
    one of its two masks: id, class (its index), and in pixels truth, predicted, hits, and labelled (those of truth that
    were given any label), from which any group of images can be scored. Images without a true mask are left out.

    Args:
        split_csv: manifest.
        masks_csv: table of masks; None scores the baseline `all-background`.
        classes: names of the K foreground classes.
    """
    table = read_manifest(split_csv)
    table = table[table["mask"] != ""]
    ids = list(table["id"])
    masks = paths_of(ids, [masks_csv]) if masks_csv else [None] * len(ids)
    reduced = zip(table["height"], table["width"], strict=True)
    items = list(zip(table["own_mask"], masks, reduced, strict=True))
    one = functools.partial(_confusion_of, classes=len(classes))
    total = np.zeros((len(classes) + 1, len(classes) + 2), np.int64)
    rows, pixels = [], []
    for image_id, part in zip(
        ids, map_in_order(one, items, processes=processes, label=f"score {confusion_csv.stem}"), strict=True
    ):
        total += part
        rows.append((image_id, mean_iou(part), pixel_accuracy(part)))
        counts = np.column_stack([pixel_counts(part), part[:, :-1].sum(1)])
        pixels += [(image_id, index, *counts[index]) for index in np.flatnonzero(counts.any(1))]
    names = ["background", *classes]
    frame = pd.DataFrame(total, index=pd.Index(names, name="truth"), columns=[*names, UNLABELLED])
    write_whole(confusion_csv, frame.to_csv().encode())
    images = pd.DataFrame(rows, columns=["id", "miou", "pixel_accuracy"])
    write_whole(images_csv, images.to_csv(index=False).encode())
    table = pd.DataFrame(pixels, columns=PIXEL_COLUMNS)
    write_whole(pixels_csv, table.to_csv(index=False).encode())
