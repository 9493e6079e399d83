"""The figures stage: what is drawn from tables. Figures made of pictures are in `mdc.figures.paper_figures`."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from mdc.figures.style import CM, PAPER_STYLE, PAPER_WIDTH_CM, save_paper_figure, short
from mdc.masks.best_threshold import best_row
from mdc.scores.tables import read_confusion, read_per_class

SWEPT = {"miou": "mIoU", "precision": "precision", "recall": "recall", "labelled": "labelled pixels"}
DASHES = ("-", "--", ":", "-.")
BARS_IN_A_ROW = 22  # VOC's 21 classes and their mean


def plot_sweep(*, sweeps_csv: Sequence[Path], png: Path, pdf: Path, threshold: float | None, title: str) -> None:
    """Draw mIoU, precision, recall and the share of labelled pixels over the threshold, a line per map setting.

    All are shares of 1. Each setting's highest mIoU is marked by a star and given in the legend, in percent.
    `threshold`, the one for all settings, is marked unless it is None.
    """
    table = pd.concat([pd.read_csv(path) for path in sweeps_csv])
    settings = list(dict.fromkeys(table["maps"]))
    best = {maps: best_row(rows) for maps, rows in table.groupby("maps")}
    columns = 3
    legend_cm = 0.6 + 0.38 * -(-len(settings) // columns) if len(table) else 0
    height_cm = 9 + legend_cm
    with matplotlib.rc_context(PAPER_STYLE):
        figure = plt.figure(figsize=(PAPER_WIDTH_CM * CM, height_cm * CM))
        grid = figure.add_gridspec(3, 2, width_ratios=(1.7, 1))
        axes = [figure.add_subplot(grid[:, 0]), *(figure.add_subplot(grid[row, 1]) for row in range(3))]
        for axis, (measure, name) in zip(axes, SWEPT.items(), strict=True):
            for place, maps in enumerate(settings):
                rows = table[table["maps"] == maps]
                colour, dash = f"C{place % 10}", DASHES[place // 10 % len(DASHES)]
                (line,) = axis.plot(rows["threshold"], rows[measure], dash, marker="o", color=colour, label=maps)
                if measure == "miou" and len(best[maps]):
                    top = best[maps].iloc[0]
                    line.set_label(f"{maps}: {100 * top['miou']:.1f} at {top['threshold']:g}")
                    axis.plot(top["threshold"], top["miou"], "*", ms=9, color=colour, mec="black", mew=0.5, zorder=3)
            if threshold is not None:
                axis.axvline(threshold, color="black", lw=0.7, ls=":")
            axis.set_title(name, pad=3)
            axis.grid(alpha=0.3, lw=0.4)
            axis.tick_params(labelbottom=axis in (axes[0], axes[-1]))
            axis.set_ylim(0, None if measure == "miou" and len(table) else 1.03)
        axes[0].set_xlabel("threshold")
        axes[-1].set_xlabel("threshold")
        if len(table):
            handles = axes[0].get_legend_handles_labels()[0]
            figure.legend(handles=handles, title="maps: highest mIoU in %, starred", loc="lower center", ncols=columns)
        else:
            axes[0].text(0.5, 0.5, "no training image has a true mask", ha="center", transform=axes[0].transAxes)
        figure.suptitle(title, fontsize=8)
        figure.tight_layout(rect=(0, legend_cm / height_cm, 1, 1), pad=0.5)
        save_paper_figure(figure, png, pdf)


def row_shares(table: pd.DataFrame) -> pd.DataFrame:
    """Return a confusion matrix, in pixels by true class and label, as percentages of each row.

    The row of a class that does not occur is NaN. The last column, pixels without a label, is left out where it is 0.
    """
    pixels = table.sum(axis=1)
    shares = 100 * table.div(pixels.where(pixels > 0), axis=0)
    return shares if table.iloc[:, -1].any() else shares.iloc[:, :-1]


def plot_confusion(*, confusion_csv: Path, png: Path, pdf: Path, title: str) -> None:
    """Draw a result's confusion matrix: what percentage of each true class's pixels was given which label.

    Percentages that round to 0 are not written. Rows of classes that do not occur are grey.

    Args:
        confusion_csv: as `mdc.scores.compare.score_masks` wrote it.
    """
    table = read_confusion(confusion_csv)
    shares = row_shares(table)
    rows, columns = shares.shape
    names = [short(name) for name in shares.columns]
    names_cm, scale_cm, below_cm = 0.9 + 0.13 * max(map(len, names)), 1.8, 0.8
    cell_cm = min((PAPER_WIDTH_CM - names_cm - scale_cm) / columns, 1)
    left_cm = (PAPER_WIDTH_CM - cell_cm * columns + names_cm - scale_cm) / 2
    height_cm = names_cm + cell_cm * rows + below_cm
    points = cell_cm * CM * 72
    with matplotlib.rc_context(PAPER_STYLE):
        figure = plt.figure(figsize=(PAPER_WIDTH_CM * CM, height_cm * CM))

        def axes_at(left: float, width: float) -> plt.Axes:
            """Return axes at a distance from the left and of a width in cm, as high as the matrix."""
            sizes = left / PAPER_WIDTH_CM, below_cm / height_cm, width / PAPER_WIDTH_CM, cell_cm * rows / height_cm
            return figure.add_axes(sizes)

        axis = axes_at(left_cm, cell_cm * columns)
        colours = matplotlib.colormaps["Blues"].with_extremes(bad="0.85")
        image = axis.imshow(shares, cmap=colours, vmin=0, vmax=100, interpolation="nearest", aspect="auto")
        axis.xaxis.tick_top()
        axis.set_xticks(range(columns), names, rotation=90)
        axis.set_yticks(range(rows), names[:rows])
        axis.tick_params(length=0, labelsize=min(7, 0.8 * points))
        axis.set(ylabel="true class", xlabel=title)
        for (row, column), value in np.ndenumerate(shares.to_numpy()):
            number = f"{value:.0f}"
            if number not in ("0", "nan") and points > 10:
                colour = "white" if value > 55 else "black"
                size = min(7, points / 2.2)
                axis.text(column, row, number, ha="center", va="center", fontsize=size, color=colour)
        if not table.to_numpy().any():
            axis.text(0.5, 0.5, "no image has a true mask", ha="center", transform=axis.transAxes)
        scale = axes_at(left_cm + cell_cm * columns + 0.3, 0.25)
        figure.colorbar(image, cax=scale, label="% of the true class's pixels")
        save_paper_figure(figure, png, pdf)


def ours_and_the_papers(
    per_class: pd.DataFrame,
    paper: pd.DataFrame,
    *,
    split: str,
    classifier: str,
    setting: str,
    crf: bool,
    as_paper: bool,
) -> tuple[pd.Series | None, pd.Series | None]:
    """Return a result's IoU by class with their mean `mIoU`, ours and the paper's, in percent.

    Ours is None where nothing was scored. The paper's is None where it has no such result, or ours has other classes,
    data or networks.

    Args:
        per_class: see `mdc.scores.tables.per_class`.
        paper: the paper's table 3 or 4, likewise.
        setting: of the segmenter.
        crf: whether after the CRF.
        as_paper: whether data and networks are the paper's.
    """

    def row_of(table: pd.DataFrame, name: str) -> pd.Series | None:
        key = (split, name, setting, str(crf).lower())
        found = table[table.index == key]
        return found.iloc[0].astype(float) if len(found) else None

    ours, theirs = row_of(per_class, classifier), row_of(paper, "paper")
    same = as_paper and ours is not None and theirs is not None and list(ours.index) == list(theirs.index)
    return ours, theirs if same else None


def plot_classes(
    *,
    per_class_csv: Path,
    paper_csv: Path,
    png: Path,
    pdf: Path,
    split: str,
    classifier: str,
    setting: str,
    crf: bool,
    as_paper: bool,
) -> None:
    """Draw a result's IoU of every class and their mean as bars, beside the paper's where it has such a result.

    Without the paper's numbers the figure says why. Arguments as of `ours_and_the_papers`.
    """
    tables = [read_per_class(path) for path in (per_class_csv, paper_csv)]
    result = {"split": split, "classifier": classifier, "setting": setting, "crf": crf}
    ours, theirs = ours_and_the_papers(*tables, **result, as_paper=as_paper)
    classes = list(tables[0].columns)
    bars = {"ours": ours, "the paper, on VOC": theirs}
    bars = {name: values for name, values in bars.items() if values is not None}
    rows = -(-len(classes) // BARS_IN_A_ROW)
    parts = np.array_split(np.arange(len(classes)), rows)
    height_cm = 5.2 * rows + 1
    with matplotlib.rc_context(PAPER_STYLE):
        figure, axes = plt.subplots(rows, 1, figsize=(PAPER_WIDTH_CM * CM, height_cm * CM), squeeze=False)
        for axis, part in zip(axes.flat, parts, strict=True):
            for place, (name, values) in enumerate(bars.items()):
                centres = np.arange(len(part)) + 0.4 * (place - (len(bars) - 1) / 2)
                label = f"{name}: mIoU {values['mIoU']:.1f}"
                colour = ("C0", "0.65")[place]
                drawn = axis.bar(centres, values.to_numpy()[part], 0.38, label=label, color=colour)
                axis.bar_label(drawn, fmt="%.0f", fontsize=6, padding=1)
            axis.set_xticks(
                range(len(part)),
                [short(classes[index]) for index in part],
                rotation=45,
                ha="right",
                rotation_mode="anchor",
            )
            axis.tick_params(axis="x", length=0, pad=2)
            axis.set(ylim=(0, 105), xlim=(-0.6, len(part) - 0.4), ylabel="IoU in %")
            axis.spines[["top", "right"]].set_visible(False)
        if ours is None:
            axes[0, 0].text(
                0.5, 0.5, f"no image of {split} has a true mask", ha="center", transform=axes[0, 0].transAxes
            )
        alone = _why_alone(tables[1], classes, as_paper=as_paper) if theirs is None and ours is not None else ""
        axes[0, 0].set_title(f"{setting}{' + CRF' * crf}, {split}{alone}", loc="left")
        if bars:
            axes[0, 0].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, borderaxespad=0.1)
        figure.tight_layout(pad=0.5)
        save_paper_figure(figure, png, pdf)


def _why_alone(paper: pd.DataFrame, classes: Sequence[str], *, as_paper: bool) -> str:
    if list(paper.columns) != list(classes):
        return "; ours alone, the classes are not VOC's"
    if not as_paper:
        return "; ours alone, data or networks are not the paper's"
    return "; ours alone, the paper has no such result"
