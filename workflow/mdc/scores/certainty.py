"""How well the certainty of pseudo masks, estimated without true masks, predicts their quality where there are some."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mdc.masks.certainty import COLUMNS, read_certainty
from mdc.runtime.files import write_whole

KEYS = ["classifier", "seed", "masks"]
FEWEST = 3  # images: of two, every ranking is perfect or perfectly wrong


def rank_correlations(certainty: pd.DataFrame, scores: pd.DataFrame) -> dict[str, float]:
    """Return Spearman's rank correlation of every measure of `mdc.masks.certainty` with the images' mIoU, and `images`.

    NaN with fewer than three images that have both, or where all have the same value.

    Args:
        certainty: columns `mdc.masks.certainty.COLUMNS`.
        scores: columns id and miou, NaN where all of an image is void.
    """
    both = certainty.merge(scores.dropna(subset=["miou"])[["id", "miou"]], on="id")
    found = {}
    for name in COLUMNS[1:]:
        known = both[[name, "miou"]].dropna()
        is_ranked = len(known) >= FEWEST and (known.nunique() > 1).all()
        found[name] = known[name].corr(known["miou"], method="spearman") if is_ranked else float("nan")
    return {"images": len(both)} | found


def tabulate_certainty(
    *, masks: Sequence[tuple[str, int, str]], certainties: Sequence[Path], images: Sequence[Path], table_csv: Path
) -> None:
    """Write a row per kind of pseudo masks: classifier, seed, masks, and `rank_correlations`.

    Args:
        masks: classifier, seed and name of each.
        certainties, images: as `estimate_certainty` and `score_masks` wrote them.
    """
    rows = []
    for names, certainty_csv, images_csv in zip(masks, certainties, images, strict=True):
        scores = pd.read_csv(images_csv, dtype={"id": str}, keep_default_na=False, na_values={"miou": ""})
        rows.append(dict(zip(KEYS, names, strict=True)) | rank_correlations(read_certainty(certainty_csv), scores))
    table = pd.DataFrame(rows, columns=[*KEYS, "images", *COLUMNS[1:]])
    write_whole(table_csv, table.round(3).to_csv(index=False).encode())
