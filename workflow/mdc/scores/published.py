"""The paper's own numbers (its tables 1 to 4), as they are printed; mIoU and IoU in percent on VOC 2012.

Misprints of the paper are kept: "Ray et al." in table 1 are Roy and Todorovic ([27] of its references), and BoxSup in
table 2 is [3], where [21] is printed. The numbers have none that shows: the mean of every printed row of classes agrees
with its printed mIoU within rounding.
"""

from pathlib import Path

import pandas as pd

RESOURCES = Path(__file__).parents[2] / "resources"
TITLES = {
    "table1": "Weakly supervised (the paper's table 1; *implicitly*: with masks, say of tools trained on them)",
    "table2": "Semi-supervised, with the masks of VOC's 1,464 training images (table 2 of the paper)",
}


def paper_rows(table: str) -> pd.DataFrame:
    """Return the paper's rows of `table3` or `table4`.

    Columns: split, setting, crf (`true` or `false`), classifier (`paper`), background, VOC's classes, mIoU (printed).
    """
    return pd.read_csv(RESOURCES / f"paper_{table}.csv", dtype={"crf": str})


def other_methods(table: str) -> pd.DataFrame:
    """Return what other methods reach, as the paper's `table1` (weak) or `table2` (semi-supervised) lists them.

    Columns: method, supervision of the weak images, in table 1 the number of images and whether masks are used
    implicitly; mIoU on val and test, NaN where none is printed.
    """
    return pd.read_csv(RESOURCES / f"paper_{table}.csv", dtype={"images": str, "masks": str}, keep_default_na=True)
