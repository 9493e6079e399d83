"""The scores stage, tables 3 and 4: our numbers beside the paper's (paper §4.3.2 and §4.4)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mdc.data.class_names import MEAN_IOU
from mdc.runtime.files import write_whole
from mdc.scores.html import html_page
from mdc.scores.published import TITLES, other_methods, paper_rows
from mdc.scores.tables import Result, by_class, markdown

KEYS = ["classifier", "setting", "split", "crf"]
COLUMNS = [*KEYS, "class", "ours", "sd", "seeds", "paper", "difference"]


def class_scores(results: Sequence[Result], confusions: Sequence[Path], images: Sequence[Path]) -> pd.DataFrame:
    """Return IoU in percent of every result and class, in their order.

    Columns: classifier, setting, split, crf (`true` or `false`), seed, class (`mIoU` for the mean), iou. Where the
    images have no true masks there is one row, of the mean, without a number, at the end.
    """
    wide = by_class(results, confusions, images)
    scored = wide.rename_axis(columns="class").stack(future_stack=True).rename("iou").reset_index()
    missing = [
        fields | {"class": MEAN_IOU, "iou": np.nan}
        for fields in (result.columns() for result in results)
        if tuple(fields[name] for name in wide.index.names) not in wide.index
    ]
    return (pd.concat([scored, pd.DataFrame(missing)]) if missing else scored)[[*KEYS, "seed", "class", "iou"]]


def beside_paper(scores: pd.DataFrame, paper: pd.DataFrame, *, as_paper: Sequence[str]) -> pd.DataFrame:
    """Return our numbers averaged over seeds with the paper's beside them, in percent; columns `COLUMNS`.

    Args:
        scores: see `class_scores`.
        paper: see `mdc.scores.published.paper_rows`; empty where the data is not VOC.
        as_paper: classifiers whose networks and data are the paper's.

    Returns:
        A row per result and class; `sd` over seeds is empty for one seed, `seeds` are joined by spaces, `paper` and
        `difference` (ours less the paper's) are empty where the paper has no number.
    """
    grouped = scores.groupby([*KEYS, "class"], sort=False, dropna=False)
    table = grouped["iou"].agg(ours="mean", sd="std")
    table["seeds"] = grouped["seed"].agg(lambda seeds: " ".join(map(str, dict.fromkeys(seeds))))
    table = table.reset_index()
    published = {
        (row["setting"], row["split"], row["crf"], name): float(row[name])
        for _, row in paper.iterrows()
        for name in paper.columns.drop(["setting", "split", "crf", "classifier"])
    }
    table["paper"] = [
        published.get((row.setting, row.split, row.crf, row[5]), np.nan) if row.classifier in as_paper else np.nan
        for row in table.itertuples()
    ]
    table["difference"] = table["ours"] - table["paper"]
    return table[COLUMNS]


def means_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mIoU rows of `beside_paper` without the column class."""
    return table[table["class"] == MEAN_IOU].drop(columns="class")


def classes_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return `beside_paper` with a column per class: a line for ours, and below it the paper's and the difference.

    Index: classifier, setting, crf and `of` (`ours`, `paper`, `difference`), and split. Results without a number are
    left out.
    """
    index, lines, classes = [], [], []
    for key, rows in table.groupby(KEYS, sort=False):
        for kind in ("ours", "paper", "difference"):
            if rows[kind].notna().any():
                index.append((*key, kind))
                lines.append(rows[kind].to_numpy())
                classes = list(rows["class"])
    if not lines:
        return pd.DataFrame()
    return pd.DataFrame(lines, index=pd.MultiIndex.from_tuples(index, names=[*KEYS, "of"]), columns=classes)


def paper_text(
    table: pd.DataFrame,
    *,
    name: str,
    departures: Mapping[str, Sequence[str]],
    others: pd.DataFrame | None,
    unscored: Sequence[str],
    notes: Sequence[str],
) -> str:
    """Return a table as a page of Markdown: means, classes, what to know about them, and what others published.

    Args:
        table: see `beside_paper`.
        name: table3 or table4.
        departures: of every classifier, in what it and its segmenters depart from the paper's.
        others: see `mdc.scores.published.other_methods`; None where the data is not VOC's, so that no published number
            may stand beside ours.
        unscored: rows that could not be scored.
        notes: sentences about saliency and networks.
    """
    means = means_table(table)
    parts = [f"# Table {name.removeprefix('table')}\n", markdown(means.set_index(KEYS))]
    notes = [*notes, "IoU in percent, averaged over seeds; sd is over seeds."]
    if means["ours"].isna().any():
        notes.append("Rows without a number are of images without true masks: VOC's server scores those of test.")
    notes += [
        f"{row} is left out: it learns from val and is scored on test, which predictions.splits lacks."
        for row in unscored
    ]
    if others is None:
        notes.append("The paper's numbers are of VOC 2012 and stand beside results on VOC only.")
    notes += [
        f"The paper's numbers do not stand beside {classifier}, which departs from the paper in: {', '.join(found)}."
        for classifier, found in departures.items()
        if others is not None and found
    ]
    parts += ["\n".join(f"- {line}" for line in notes) + "\n", "## By class\n", markdown(classes_table(table))]
    if others is not None:
        listed = others.fillna({"masks": ""}).set_index("method")
        parts += ["## Published results\n", f"{TITLES[name]}\n", markdown(listed)]
    return "\n".join(parts)


def tabulate_paper(
    *,
    table: str,
    results: Sequence[Result],
    confusions: Sequence[Path],
    images: Sequence[Path],
    paper_csv: Path,
    others_csv: Path,
    departures: Mapping[str, Sequence[str]],
    on_voc: bool,
    unscored: Sequence[str],
    notes: Sequence[str],
    table_csv: Path,
    table_md: Path,
    table_html: Path,
) -> None:
    """Write table 3 or 4 as CSV (`beside_paper`), as Markdown (`paper_text`), and as HTML with the same tables.

    Args:
        table: table3 or table4.
        paper_csv, others_csv: see `mdc.scores.published`.
        on_voc: whether the data is VOC's, so that published numbers can be compared with ours.
        departures, unscored, notes: see `paper_text`.
    """
    as_paper = [name for name, found in departures.items() if not found]
    scores = class_scores(results, confusions, images)
    full = beside_paper(scores, paper_rows(paper_csv) if on_voc else pd.DataFrame(), as_paper=as_paper)
    others = other_methods(others_csv) if on_voc else None
    text = paper_text(full, name=table, departures=departures, others=others, unscored=unscored, notes=notes)
    write_whole(table_csv, full.round(2).to_csv(index=False).encode())
    write_whole(table_md, text.encode())
    pages = [("mIoU", means_table(full)), ("By class", classes_table(full).reset_index(allow_duplicates=True))]
    if others is not None:
        pages.append((f"Published results. {TITLES[table]}", others))
    write_whole(table_html, html_page(f"Table {table.removeprefix('table')}", pages).encode())
