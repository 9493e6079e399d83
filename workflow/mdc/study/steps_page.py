"""The page on what each step brings, results/study/steps.md, and its figure."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mdc.config.experiments import SALIENT
from mdc.data.images import read_image
from mdc.data.mask_files import read_mask
from mdc.figures.pictures import chosen_images, coloured, read_scores
from mdc.report.contact_sheets import draw_grid
from mdc.storage.image_tables import read_table
from mdc.study.claims import LAST_STAGE, STAGES, verdict
from mdc.study.markdown_tables import counted, found_row, markdown, number
from mdc.study.runs import Unit

EACH = 3  # of the best, the median and the worst images in the figure
HEADER = """# Step by step

What each step between the classifier and the pseudo masks brings. mIoU in percent: pseudo masks on training images,
segmenters on validation images.

- In parentheses is the difference to the first row, with its 95 % bootstrap interval over images, given the trained
  networks. It is **bold** where it is *shown*: the interval leaves out 0 and all of at least two seeds agree on the
  sign. With one seed nothing is.
- *Salient pixels* take their class from the maps and their shape from saliency, above the threshold that fits the
  training images' true masks best. The other rows have the configuration's thresholds.
- `trained` is the saliency of a trained network, for which true objects stand in on the demo's data; `tuned` the same
  with thresholds chosen by the true masks of MSRC's training images, where its numbers are therefore optimistic.
- *% of true masks* is the segmenter's mIoU with the CRF as a share of that of the one trained on true masks.
- *Seconds* are those that the jobs between the trained classifier and the masks took, per training image, on a machine
  that did other work as well. Of maps from a folder only their check is counted."""


def steps_text(steps: pd.DataFrame, classes: pd.DataFrame, costs: pd.DataFrame, *, pictures: str) -> str:
    """Return the page on the steps, as Markdown, from the tables of `tabulate_steps`.

    `pictures` names the figure, empty for none.
    """
    parts = [HEADER]
    for dataset, table in steps.groupby("dataset", sort=False):
        parts += [
            f"## {dataset}: {counted(table['seeds'].max(), 'seed')}",
            _steps_table(table, costs[costs["dataset"] == dataset]),
            _findings(table),
            "IoU by class of the segmenters with the CRF:",
            _classes_table(classes[classes["dataset"] == dataset]),
        ]
    if pictures:
        parts.append(f"## Pictures\n\n![Photo, true mask and the pseudo masks of every step]({pictures})")
        parts.append("*Training images of the demo with the best, median and worst masks of the first step.*")
    return "\n\n".join(filter(None, parts)) + "\n"


def _ceiling(table: pd.DataFrame) -> float:
    row = found_row(table, first="true-masks")
    return np.nan if row is None else row["miou"]


def _steps_table(table: pd.DataFrame, costs: pd.DataFrame) -> str:
    rows = []
    base = table["second"].iloc[0]
    for first, part in table[table["second"].isin([base, "true-masks"])].groupby("first", sort=False):
        last, cost = found_row(part, stage=LAST_STAGE), found_row(costs, masks=first)
        share = "" if last is None else number(100 * last["miou"] / _ceiling(table))
        cells = [_score(found_row(part, stage=stage)) for stage in STAGES]
        seconds = "" if cost is None else number(cost["seconds"], 2)
        rows.append([f"`{first}`", part["claim"].iloc[0], *cells, share, seconds])
    return markdown(["masks", "step", *STAGES, "% of true masks", "seconds"], rows, words=2)


def _score(row: Mapping[str, float] | None) -> str:
    if row is None:
        return ""
    if row["first"] == row["second"]:
        return number(row["miou"])
    difference = f"{row['difference']:+.1f} [{row['low']:+.1f}, {row['high']:+.1f}]"
    return f"{row['miou']:.1f} ({difference if verdict(row) == 'not shown' else f'**{difference}**'})"


def _findings(table: pd.DataFrame) -> str:
    """Return which setting has the highest score, and how salient pixels compare with fusion, a sentence each."""
    last = table[(table["stage"] == LAST_STAGE) & (table["first"] != "true-masks")]
    if last.empty:
        return ""
    best = last.loc[last["miou"].idxmax()]
    share = number(100 * best["miou"] / _ceiling(table))
    found = [f"- With the CRF `{best['first']}` has the highest mIoU: {best['miou']:.1f}, {share} % of true masks."]
    for row in last[last["first"].str.startswith(SALIENT)].to_dict("records"):
        if row["second"].partition("@")[2] == row["first"].partition("@")[2]:
            interval = f"{row['difference']:+.1f} [{row['low']:+.1f}, {row['high']:+.1f}]"
            shown = "not shown" if verdict(row) == "not shown" else "shown"
            found.append(f"- Salient pixels over fusion, `{row['first']}` over `{row['second']}`: {interval}, {shown}.")
    return "\n".join(found)


def _classes_table(table: pd.DataFrame) -> str:
    wide = table.pivot_table(index="class", columns="masks", values="iou", sort=False)
    rows = [[str(name), *map(number, row)] for name, row in zip(wide.index, wide.to_numpy(), strict=True)]
    return markdown(["class", *(f"`{masks}`" for masks in wide.columns)], rows)


def draw_steps(unit: Unit, images: pd.DataFrame, names: Sequence[str], path: Path, *, classes: Sequence[str]) -> None:
    """Draw photo, true mask and the masks `names` of the images whose first of these is best, median and worst.

    Args:
        images: manifest of the training images with true masks.
    """
    network = f"{unit.classifier}/seed{unit.seed}"
    masks = {name: read_table([unit.run / "masks" / network / name / "train.csv"]) for name in names}
    scores = read_scores(unit.run / "scores" / network / "train" / f"pseudo-{names[0]}.images.csv")
    table = images.set_index("id")
    rows = []
    for kind, image_id in chosen_images(scores, each=EACH):
        cells = {
            "photo": read_image(Path(table.loc[image_id, "image"])),
            "true mask": coloured(read_mask(Path(table.loc[image_id, "mask"]))),
        }
        cells |= {name.replace("@", "\n@"): coloured(read_mask(Path(paths[image_id]))) for name, paths in masks.items()}
        rows.append((f"{image_id}\n{kind}", cells))
    draw_grid(rows, path, classes=classes, title="")
