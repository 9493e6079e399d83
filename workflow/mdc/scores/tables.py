"""Tables of scores over all results of a run (paper 4, table 3).

Classes may be called as columns of these tables (`seed`, `split`, `truth`): in memory what a row is of stands in the
index, apart from the classes, and files are read with their headers as written, which pandas would make unique.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mdc.data.class_names import MEAN_IOU, UNLABELLED
from mdc.data.metrics import class_iou, known_mean, summary
from mdc.masks.best_threshold import best_row
from mdc.runtime.files import write_whole
from mdc.runtime.logs import logger

KEYS = ["split", "classifier", "setting", "crf"]
RESULT_KEYS = [*KEYS, "seed"]
SUMMARY_COLUMNS = ["split", "setting", "crf", "seed", "miou", "pixel_accuracy", "images"]
SUMMARY_COLUMNS += ["classifier", "precision", "recall", "labelled"]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one confusion matrix is of."""

    split: str
    setting: str
    crf: bool
    seed: int
    classifier: str

    def columns(self) -> dict[str, str | int]:
        """Return the fields as tables write them: `crf` is `true` or `false`."""
        return vars(self) | {"crf": str(self.crf).lower()}


def read_confusion(path: Path) -> pd.DataFrame:
    """Return a confusion matrix as `score_masks` wrote it: classes by labels, in pixels."""
    # a class may be called "None"
    table = pd.read_csv(path, index_col=0, keep_default_na=False).rename_axis("truth")
    return table.set_axis([*table.index, UNLABELLED], axis=1)


def read_table(path: Path) -> pd.DataFrame:
    """Return a table of scores as it was written; `crf` is text, and two columns may have the same name."""
    with path.open(newline="", encoding="utf-8") as file:
        header = next(csv.reader(file))
    types = {header.index("crf"): str} if "crf" in header else {}  # the first of this name: classes stand behind
    return pd.read_csv(path, header=0, names=range(len(header)), dtype=types).set_axis(header, axis=1)


def read_per_class(path: Path) -> pd.DataFrame:
    """Return `per_class.csv`, or the paper's rows of a table, indexed as by `per_class`."""
    table = read_table(path)
    index = pd.MultiIndex.from_frame(table.iloc[:, : len(KEYS)])
    return table.iloc[:, len(KEYS) :].set_axis(index, axis=0).reorder_levels(KEYS)


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
    """Return a row per result: IoU of each class and their mean `mIoU`, in percent.

    Index: `KEYS` and seed; columns: background, the classes, mIoU. Results on images without true masks are left out.
    """
    names, index, rows = [], [], []
    for result, confusion_csv, images_csv in zip(results, confusions, images, strict=True):
        if len(pd.read_csv(images_csv)):
            table = read_confusion(confusion_csv)
            iou = 100 * class_iou(table.to_numpy())
            names = list(table.index)
            index.append([result.columns()[key] for key in RESULT_KEYS])
            rows.append([*iou, known_mean(iou)])
    columns = [*names, MEAN_IOU]
    index = pd.MultiIndex.from_tuples(map(tuple, index), names=RESULT_KEYS)
    return pd.DataFrame(np.reshape(rows, (-1, len(columns))), index=index, columns=columns)


def per_class(results: Sequence[Result], confusions: Sequence[Path], images: Sequence[Path]) -> pd.DataFrame:
    """Return table 3's shape: `by_class` averaged over seeds.

    Index: split, classifier, setting, crf; columns: background, the classes, mIoU.
    """
    return by_class(results, confusions, images).groupby(level=KEYS, sort=False).mean()


def best_thresholds(results: Sequence[tuple[str, int]], sweeps: Sequence[Path]) -> pd.DataFrame:
    """Return, for every map setting, `mdc.masks.best_threshold.best_row` of its threshold sweep.

    Args:
        results: (classifier, seed) of each sweep.
        sweeps: as `mdc.masks.sweep.sweep_threshold` wrote them; those without true masks are left out.

    Returns:
        Columns classifier, seed, maps, threshold and the measures of `mdc.data.metrics.summary`.
    """
    tables = []
    for (classifier, seed), path in zip(results, sweeps, strict=True):
        best = best_row(pd.read_csv(path))
        if not best.empty:
            best.insert(0, "seed", seed)
            best.insert(0, "classifier", classifier)
            tables.append(best)
    return pd.concat(tables) if tables else pd.DataFrame(columns=["classifier", "seed", "maps", "threshold", "miou"])


def markdown(table: pd.DataFrame) -> str:
    """Return a table with its index as a Markdown table; numbers with one decimal, empty where there is none."""
    flat = table.reset_index(allow_duplicates=True)

    def cell(value: object) -> str:
        if isinstance(value, float):
            return "" if np.isnan(value) else f"{value:.1f}"
        return str(value).replace("|", r"\|")  # of a class's name, not the end of a cell

    header = "| " + " | ".join(map(cell, map(str, flat.columns))) + " |"
    rule = "|" + "|".join("---:" if pd.api.types.is_numeric_dtype(kind) else "---" for kind in flat.dtypes) + "|"
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
