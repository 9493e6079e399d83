"""Pictures for the report: training curves, threshold sweeps and tables as HTML."""

import html
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd

from mdc.files import write_whole, written_whole

matplotlib.rcParams["text.parse_math"] = False  # ids and class names may hold a $
DPI = 110
TABLE_STYLE = """<style>
body { font: 14px sans-serif; margin: 1em } table { border-collapse: collapse }
td, th { padding: 2px 8px; text-align: right; border-bottom: 1px solid #ddd } th { background: #f4f4f4 }
tbody tr:hover { background: #eef }
</style>
"""


def save_figure(figure: plt.Figure, path: Path) -> None:
    """Write a figure as PNG and close it."""
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=DPI, format="png", bbox_inches="tight")
    plt.close(figure)


def plot_curves(*, metrics_csv: Path, curves_png: Path, title: str) -> None:
    """Draw the loss and the learning rate, and the validation metrics if there are any, over the epochs."""
    table = pd.read_csv(metrics_csv)
    metrics = [name for name in table.columns if name not in ("epoch", "step", "lr", "loss")]
    figure, axes = plt.subplots(1, 2 if metrics else 1, figsize=(11 if metrics else 5.5, 3.6), squeeze=False)
    left = axes[0, 0]
    left.plot(table["epoch"], table["loss"], "o-", ms=3, color="tab:blue")
    left.set(xlabel="epoch", ylabel="training loss", title=title)
    rate = left.twinx()
    rate.plot(table["epoch"], table["lr"], ":", color="tab:gray")
    rate.set_ylabel("learning rate (dotted)")
    for name in metrics:
        shown = table[["epoch", name]].dropna()
        axes[0, 1].plot(shown["epoch"], shown[name], "o-", ms=3, label=name.removeprefix("mAP_"))
    if metrics:
        axes[0, 1].set(xlabel="epoch", ylabel="mean average precision on val", ylim=(0, 1))
        axes[0, 1].legend(title="block")
    figure.tight_layout()
    save_figure(figure, curves_png)


def plot_sweep(*, sweeps_csv: Sequence[Path], sweep_png: Path, threshold: float | None, title: str) -> None:
    """Draw mIoU, precision, recall and the share of labelled pixels over the threshold, a line per map setting.

    `threshold`, the one for all settings, is marked unless it is None.
    """
    table = pd.concat([pd.read_csv(path) for path in sweeps_csv])
    measures = ["miou", "precision", "recall", "labelled"]
    figure, axes = plt.subplots(1, len(measures), figsize=(17, 3.8))
    for axis, measure in zip(axes, measures, strict=True):
        for maps, rows in table.groupby("maps", sort=False):
            axis.plot(rows["threshold"], rows[measure], "o-", ms=3, label=maps)
        if threshold is not None:
            axis.axvline(threshold, color="black", lw=0.8, ls=":")
        axis.set(xlabel="threshold", title=measure, ylim=(0, 1))
    if len(table):
        axes[0].legend(title="maps")
    else:
        axes[0].text(0.5, 0.5, "no training image has a true mask", ha="center", transform=axes[0].transAxes)
    figure.suptitle(title)
    figure.tight_layout()
    save_figure(figure, sweep_png)


def write_html_table(*, table_csv: Path, table_html: Path, title: str) -> None:
    """Write a CSV table as one HTML page, numbers with three significant digits."""
    write_whole(table_html, html_page(title, [("", pd.read_csv(table_csv, dtype={"crf": str}))]).encode())


def html_page(title: str, tables: Sequence[tuple[str, pd.DataFrame]]) -> str:
    """Return a page with tables below their headings; numbers with three significant digits, no index."""
    parts = [f"<meta charset='utf-8'><title>{html.escape(title)}</title>{TABLE_STYLE}<h3>{html.escape(title)}</h3>"]
    for heading, table in tables:
        parts.append(f"<h4>{html.escape(heading)}</h4>" if heading else "")
        parts.append(table.to_html(index=False, na_rep="", float_format=lambda value: f"{value:.3g}", border=0))
    return "".join(parts)
