"""The quality of pseudo masks over the threshold, on training images with true masks."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mdc.data.manifest import read_manifest
from mdc.data.mask_sizes import nearest
from mdc.data.metrics import confusion, summary
from mdc.masks.fusion import Recipe, pseudo_mask
from mdc.masks.producers import ImageInputs, images_with_maps
from mdc.runtime.files import write_whole
from mdc.runtime.parallel import map_in_order


def sweep_one(
    image: ImageInputs, *, maps: str, recipe: dict[str, Any], thresholds: Sequence[float], classes: int
) -> np.ndarray:
    """Return the confusion of one image's pseudo mask with its true mask at each threshold: (thresholds, C, C + 1).

    Pixels are those of the photo's own size, as in `mdc.scores.compare`. `recipe` has the fields of `Recipe` but the
    threshold.
    """
    fused, saliency, truth = image.fused_maps(maps), image.saliency(), image.own_ground_truth(classes=classes)
    recipes = [Recipe(threshold=threshold, **recipe) for threshold in thresholds]
    masks = (pseudo_mask(fused, image.class_ids, saliency, one) for one in recipes)
    height, width = truth.shape
    return np.stack([confusion(truth, nearest(mask, height=height, width=width), classes=classes) for mask in masks])


def sweep_threshold(
    *,
    train_csv: Path,
    cams_h5: Sequence[Path],
    saliency_csv: Path | None,
    sweep_csv: Path,
    name: str,
    maps: str,
    recipe: dict[str, Any],
    thresholds: Sequence[float],
    classes: int,
    processes: int,
) -> None:
    """Write the quality of the pseudo masks of one setting as a function of the threshold, over the true masks.

    One row per threshold: `maps` (the `name`), `threshold` and the measures of `mdc.data.metrics.summary`; no rows
    without true masks.

    Args:
        cams_h5: the map files of all shards.
        saliency_csv: table of saliency maps; None without saliency.
        name: of the pseudo masks, with their variant.
        maps: see `mdc.masks.fusion.fuse`.
        recipe: fields of `Recipe` but the threshold.
        classes: number of foreground classes.

    Raises:
        InputError: a map file or a saliency map is damaged, or an image has no saliency map.
    """
    table = read_manifest(train_csv)
    table = table[table["mask"] != ""]
    one = functools.partial(sweep_one, maps=maps, recipe=recipe, thresholds=thresholds, classes=classes)
    items = images_with_maps(table, cams_h5, saliency_csv=saliency_csv)
    results = map_in_order(one, items, processes=processes, label=f"sweep_threshold {name}", total=len(table))
    total = sum(results, np.zeros((len(thresholds), classes + 1, classes + 2), np.int64))
    rows = [
        {"maps": name, "threshold": threshold} | summary(counts)
        for threshold, counts in zip(thresholds, total, strict=True)
        if len(table)
    ]
    columns = ["maps", "threshold", *summary(np.zeros((classes + 1, classes + 2), np.int64))]
    write_whole(sweep_csv, pd.DataFrame(rows, columns=columns).to_csv(index=False).encode())
