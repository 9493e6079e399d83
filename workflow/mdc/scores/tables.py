"""The scores stage: confusion matrices, per-image scores, and the tables made of them (paper §4, table 3)."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mdc.data.labels import BACKGROUND
from mdc.data.manifest import read_manifest
from mdc.data.mask_files import read_mask
from mdc.runtime.files import write_whole
from mdc.runtime.logs import logger
from mdc.runtime.parallel import map_in_order
from mdc.scores.metrics import class_iou, confusion, mean_iou, pixel_accuracy, summary
from mdc.storage.image_tables import paths_of

UNLABELLED = "unlabelled"
PIXEL_COLUMNS = ["id", "class", "truth", "predicted", "hits", "labelled"]
KEYS = ["split", "classifier", "setting", "crf"]
SUMMARY_COLUMNS = ["split", "setting", "crf", "seed", "miou", "pixel_accuracy", "images"]
SUMMARY_COLUMNS += ["classifier", "precision", "recall", "labelled"]


def _confusion_of(item: tuple[str, str | None], *, classes: int) -> np.ndarray:
    truth_path, mask_path = item
    truth = read_mask(Path(truth_path), classes=classes)
    if mask_path is None:
        predicted = np.full_like(truth, BACKGROUND)
    else:
        predicted = read_mask(Path(mask_path), classes=classes, size=truth.shape)
    return confusion(truth, predicted, classes=classes)


def score_masks(
    *,
    split_csv: Path,
    masks_csv: Sequence[Path],
    confusion_csv: Path,
    images_csv: Path,
    pixels_csv: Path,
    classes: Sequence[str],
    processes: int,
) -> None:
    """Compare masks with the true masks of a split.

    Writes the confusion matrix in pixels (a row per true class, a column per label, the last one `unlabelled`); a row
    per image: id, miou over the classes that occur in it, pixel_accuracy; and a row per image and class that occurs in
    one of its two masks: id, class (its index), and in pixels truth, predicted, hits, and labelled (those of truth that
    were given any label), from which any group of images can be scored. Images without a true mask are left out.

    Args:
        split_csv: manifest.
        masks_csv: tables of masks (all shards); empty scores the baseline `all-background`.
        classes: names of the K foreground classes.
    """
    table = read_manifest(split_csv)
    table = table[table["mask"] != ""]
    ids = list(table["id"])
    masks = paths_of(ids, masks_csv) if masks_csv else [None] * len(ids)
    items = list(zip(table["mask"], masks, strict=True))
    one = functools.partial(_confusion_of, classes=len(classes))
    total = np.zeros((len(classes) + 1, len(classes) + 2), np.int64)
    rows, pixels = [], []
    for image_id, part in zip(
        ids, map_in_order(one, items, processes=processes, label=f"score {confusion_csv.stem}"), strict=True
    ):
        total += part
        rows.append((image_id, mean_iou(part), pixel_accuracy(part)))
        counts = np.stack([part.sum(1), part[:, :-1].sum(0), np.diag(part), part[:, :-1].sum(1)], axis=1)
        pixels += [(image_id, index, *counts[index]) for index in np.flatnonzero(counts.any(1))]
    names = ["background", *classes]
    frame = pd.DataFrame(total, index=pd.Index(names, name="truth"), columns=[*names, UNLABELLED])
    write_whole(confusion_csv, frame.to_csv().encode())
    images = pd.DataFrame(rows, columns=["id", "miou", "pixel_accuracy"])
    write_whole(images_csv, images.to_csv(index=False).encode())
    table = pd.DataFrame(pixels, columns=PIXEL_COLUMNS)
    write_whole(pixels_csv, table.to_csv(index=False).encode())


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one confusion matrix is of."""

    split: str
    setting: str
    crf: bool
    seed: int
    classifier: str

    def columns(self) -> dict[str, str | int]:
        """Return the fields as they stand in tables: `crf` is `true` or `false`."""
        return vars(self) | {"crf": str(self.crf).lower()}


def read_confusion(path: Path) -> pd.DataFrame:
    """Return a confusion matrix as `score_masks` wrote it: classes by labels, in pixels."""
    return pd.read_csv(path, index_col="truth", keep_default_na=False)  # a class may be called "None"


def summarise(results: Sequence[Result], confusions: Sequence[Path], images: Sequence[Path]) -> pd.DataFrame:
    """Return one row per result, columns `SUMMARY_COLUMNS`; results on images without true masks are left out."""
    rows = []
    for result, confusion_csv, images_csv in zip(results, confusions, images, strict=True):
        count = len(pd.read_csv(images_csv))
        if count:
            table = read_confusion(confusion_csv).to_numpy()
            rows.append(result.columns() | summary(table) | {"images": count})
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)


def by_class(results: Sequence[Result], confusions: Sequence[Path], images: Sequence[Path]) -> pd.DataFrame:
    """Return a row per result: its fields, then IoU of each class and their mean `mIoU`, in percent.

    Results on images without true masks are left out.
    """
    rows = []
    for result, confusion_csv, images_csv in zip(results, confusions, images, strict=True):
        if len(pd.read_csv(images_csv)):
            table = read_confusion(confusion_csv)
            iou = 100 * class_iou(table.to_numpy())
            row = dict(zip(table.index, iou, strict=True)) | {"mIoU": float(np.nanmean(iou))}
            rows.append(result.columns() | row)
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=[*KEYS, "seed", "mIoU"])


def per_class(results: Sequence[Result], confusions: Sequence[Path], images: Sequence[Path]) -> pd.DataFrame:
    """Return table 3's shape: `by_class` averaged over seeds.

    Index: split, classifier, setting, crf; columns: background, the classes, mIoU.
    """
    table = by_class(results, confusions, images)
    return table.drop(columns="seed").groupby(KEYS, sort=False).mean()


def best_thresholds(results: Sequence[tuple[str, int]], sweeps: Sequence[Path]) -> pd.DataFrame:
    """Return, for every map setting, the row of its threshold sweep with the highest mIoU on the training images.

    Args:
        results: (classifier, seed) of each sweep.
        sweeps: as `mdc.masks.fused.sweep_threshold` wrote them; those without rows are left out.

    Returns:
        Columns classifier, seed, maps, threshold and the measures of `mdc.scores.metrics.summary`.
    """
    tables = []
    for (classifier, seed), path in zip(results, sweeps, strict=True):
        table = pd.read_csv(path)
        if table.empty:
            continue
        best = table.nlargest(1, "miou")
        best.insert(0, "seed", seed)
        best.insert(0, "classifier", classifier)
        tables.append(best)
    return pd.concat(tables) if tables else pd.DataFrame(columns=["classifier", "seed", "maps", "threshold", "miou"])


def markdown(table: pd.DataFrame) -> str:
    """Return a table with its index as a Markdown table; numbers with one decimal, empty where there is none."""
    flat = table.reset_index()
    header = "| " + " | ".join(map(str, flat.columns)) + " |"
    rule = "|" + "|".join("---:" if pd.api.types.is_numeric_dtype(flat[c]) else "---" for c in flat.columns) + "|"

    def cell(value: object) -> str:
        if isinstance(value, float):
            return "" if np.isnan(value) else f"{value:.1f}"
        return str(value)

    return "\n".join([header, rule, *("| " + " | ".join(map(cell, row)) + " |" for row in flat.to_numpy())]) + "\n"


def tabulate_scores(
    *,
    results: Sequence[Result],
    confusions: Sequence[Path],
    images: Sequence[Path],
    swept: Sequence[tuple[str, int]],
    sweeps: Sequence[Path],
    note: str,
    summary_csv: Path,
    per_class_csv: Path,
    best_thresholds_csv: Path,
    segmenters_csv: Path,
    segmenters_md: Path,
) -> None:
    """Write `summary.csv` (a row per result), `per_class.csv`, `best_thresholds.csv`, and the segmenters' table.

    That has the results on images to predict, first without and then with CRF, as CSV and as Markdown, with `note`
    below it.
    """
    summary_table = summarise(results, confusions, images)
    write_whole(summary_csv, summary_table.to_csv(index=False).encode())
    write_whole(best_thresholds_csv, best_thresholds(swept, sweeps).to_csv(index=False).encode())
    table = per_class(results, confusions, images)
    write_whole(per_class_csv, table.round(2).to_csv().encode())
    segmenters = table[table.index.get_level_values("split") != "train"].sort_index(
        level="crf", kind="stable", sort_remaining=False
    )
    segmenters = segmenters.reorder_levels(["split", "setting", "crf", "classifier"])
    if segmenters.empty:
        logger.info("evaluation is skipped: no image to predict has a true mask")
        write_whole(segmenters_csv, segmenters.to_csv().encode())
        write_whole(segmenters_md, b"No image to predict has a true mask, so no segmenter could be scored.\n")
        return
    write_whole(segmenters_csv, segmenters.round(2).to_csv().encode())
    write_whole(segmenters_md, f"{markdown(segmenters)}\n{note}\n".encode())
