"""The paper's own numbers (its tables 1 to 4), as they are printed; mIoU and IoU in percent on VOC 2012.

Misprints of the paper are kept: "Ray et al." in table 1 are Roy and Todorovic ([27] of its references), and BoxSup in
table 2 is [3], where [21] is printed. The numbers have none that shows: the mean of every printed row of classes agrees
with its printed mIoU within rounding.
"""

from pathlib import Path

import pandas as pd

TITLES = {  # of what others publish, by our table
    "table3": "Weakly supervised (the paper's table 1; *implicitly*: with masks, say of tools trained on them)",
    "table4": "Semi-supervised, with the masks of VOC's 1,464 training images (table 2 of the paper)",
}


def paper_rows(path: Path) -> pd.DataFrame:
    """Return the paper's rows of its table 3 or 4: `resources/paper_table3.csv` or `paper_table4.csv`.

    Columns: split, setting, crf (`true` or `false`), classifier (`paper`), background, VOC's classes, mIoU (printed).
    """
    return pd.read_csv(path, dtype={"crf": str})


def other_methods(path: Path) -> pd.DataFrame:
    """Return the results of other methods, as the paper's table 1 (weak) or 2 (semi-supervised) lists them.

    Columns: method, supervision of the weak images, in table 1 the number of images and whether masks are used
    implicitly; mIoU on val and test, NaN where none is printed.
    """
    return pd.read_csv(path, dtype={"images": str, "masks": str}, keep_default_na=True)
