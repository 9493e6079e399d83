"""Figures of the study, drawn from its tables."""

import math
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from mdc.figures.style import save_figure
from mdc.study.claims import STAGES

MOST_BESIDE = 3  # datasets in a row of a figure


def plot_response(response: pd.DataFrame, path: Path) -> None:
    """Draw how strongly maps answer with the distance from the head, on the body and elsewhere.

    Two rows of plots per dataset, against background and against distractors, a column per map setting; each point is a
    mean over objects that have both at that distance (paper §3.1). Lines on top of each other mean a circle around the
    head, a line of the body above the other means that the maps follow it.
    """
    pairs = list(response[["dataset", "region"]].drop_duplicates().itertuples(index=False, name=None))
    settings = list(dict.fromkeys(response["maps"]))
    shape = (max(len(pairs), 1), max(len(settings), 1))
    figure, axes = plt.subplots(*shape, figsize=(3 * shape[1], 2.6 * shape[0]), squeeze=False, sharex=True, sharey=True)
    for row, (dataset, region) in zip(axes, pairs, strict=False):
        for axis, maps in zip(row, settings, strict=False):
            keys = (response["dataset"] == dataset) & (response["region"] == region) & (response["maps"] == maps)
            part = response[keys]
            middle = (part["from_px"] + part["to_px"]) / 2
            axis.plot(middle, part["body"], "o-", ms=3, color="tab:red", label="body")
            axis.plot(middle, part["other"], "o-", ms=3, color="tab:gray", label=region)
            axis.set(title=f"{dataset}: {maps}", ylim=(0, 1))
        row[0].set_ylabel("mean response")
        row[0].legend()
    for axis in axes[-1]:
        axis.set_xlabel("pixels from the head")
    figure.tight_layout()
    save_figure(figure, path)


def plot_sizes(sizes: pd.DataFrame, path: Path) -> None:
    """Draw the mean IoU of objects over the threshold, a line per quartile of size, for d=1 and fusion (§4.3.1)."""
    datasets = list(dict.fromkeys(sizes["dataset"]))
    settings = [maps for maps in ("d1", "fusion") if maps in set(sizes["maps"])]
    shape = (max(len(datasets), 1), max(len(settings), 1))
    figure, axes = plt.subplots(*shape, figsize=(5 * shape[1], 3 * shape[0]), squeeze=False, sharex=True, sharey=True)
    for row, dataset in zip(axes, datasets, strict=False):
        for axis, maps in zip(row, settings, strict=False):
            part = sizes[(sizes["dataset"] == dataset) & (sizes["maps"] == maps)]
            for size, values in part.groupby("size", sort=False):
                axis.plot(values["threshold"], values["iou"], "o-", ms=3, label=size)
                if values["iou"].notna().any():
                    best = values.loc[values["iou"].idxmax()]
                    axis.plot(best["threshold"], best["iou"], "k*", ms=10)
            axis.set(title=f"{dataset}: {maps}", xlabel="threshold (share of maximum)", ylim=(0, 0.8))
        row[0].set_ylabel("mean IoU of objects")
    if datasets:
        axes[0, 0].legend(title="objects (a quarter each)")
    figure.tight_layout()
    save_figure(figure, path)


def plot_differences(differences: pd.DataFrame, path: Path) -> None:
    """Draw every claim's difference in mIoU with its interval over images, a plot per dataset, a colour per stage."""
    datasets = list(dict.fromkeys(differences["dataset"]))
    rows = max(
        (len(part[["claim", "first"]].drop_duplicates()) for _, part in differences.groupby("dataset")), default=1
    )
    width, height = min(max(len(datasets), 1), MOST_BESIDE), max(math.ceil(len(datasets) / MOST_BESIDE), 1)
    size = (8 * width, (0.42 * rows + 1.2) * height)
    figure, axes = plt.subplots(height, width, figsize=size, squeeze=False)
    for axis in axes.flat[len(datasets) :]:
        axis.axis("off")
    for axis, dataset in zip(axes.flat, datasets, strict=False):
        part = differences[differences["dataset"] == dataset]
        claims = list(part[["claim", "first"]].drop_duplicates().itertuples(index=False, name=None))
        for number, (stage, colour) in enumerate(zip(STAGES, ("tab:gray", "tab:blue", "tab:red"), strict=True)):
            chosen = part[part["stage"] == stage]
            place = [
                -claims.index(key) - 0.22 * (number - 1) for key in zip(chosen["claim"], chosen["first"], strict=True)
            ]
            axis.hlines(place, chosen["low"], chosen["high"], color=colour, lw=2, label=stage)
            axis.plot(chosen["difference"], place, "o", color=colour, ms=4)
        axis.axvline(0, color="black", lw=0.8)
        repeated = {claim for claim, _ in claims if [name for name, _ in claims].count(claim) > 1}
        labels = [f"{claim} ({first})" if claim in repeated else claim for claim, first in claims]
        axis.set_yticks([-number for number in range(len(claims))], labels)
        axis.set(title=dataset, xlabel="difference in mIoU, points")
        # below the plot, where no interval can lie
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.6 / (0.42 * rows)), ncols=len(STAGES), frameon=False)
    figure.tight_layout()
    save_figure(figure, path)
