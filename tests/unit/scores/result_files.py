"""Results and their files, as `mdc.scores.compare.score_masks` writes them."""

from pathlib import Path

import pandas as pd

from mdc.scores.tables import Result


def result(**changes) -> Result:
    """Return the result weak-d1 of seed 0 on val, with changes."""
    return Result(**{"split": "val", "setting": "weak-d1", "crf": False, "seed": 0, "classifier": "mdc"} | changes)


def written(folder: Path, table: list[list[int]], names: list[str], *, images: int = 1) -> tuple[Path, Path]:
    """Write a confusion matrix and a table of `images` images, and return their paths."""
    folder.mkdir()
    frame = pd.DataFrame(table, index=pd.Index(names, name="truth"), columns=[*names, "unlabelled"])
    frame.to_csv(folder / "confusion.csv")
    pd.DataFrame({"id": range(images), "miou": 0.5}).to_csv(folder / "images.csv", index=False)
    return folder / "confusion.csv", folder / "images.csv"
