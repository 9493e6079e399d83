"""The best threshold of a sweep of pseudo masks over the threshold, on training images with true masks."""

from pathlib import Path

import pandas as pd

from mdc.runtime.errors import InputError


def best_row(sweep: pd.DataFrame) -> pd.DataFrame:
    """Return the row of one setting's sweep with the highest mIoU, of equals the one with the lowest threshold.

    Args:
        sweep: as `mdc.masks.sweep.sweep_threshold` wrote it.

    Returns:
        A table of one row; of none where no mIoU is known.
    """
    return sweep.dropna(subset="miou").sort_values(["miou", "threshold"], ascending=[False, True]).head(1)


def best_threshold(sweep: pd.DataFrame, *, source: Path) -> float:
    """Return the threshold of `best_row`.

    Raises:
        InputError: there is none, because no training image has a true mask; names `source`, the sweep's file.
    """
    best = best_row(sweep)
    if best.empty:
        raise InputError(
            f"{source}: no training image has a true mask, so masks.threshold cannot be best: set it to a number"
        )
    return float(best["threshold"].item())
