"""Training curves."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from mdc.figures.style import save_figure

METRICS = {  # what the names of metrics begin with -> the label of their axis, the title of their legend
    "mAP": ("mean average precision on val", "block"),
    "mIoU": ("mean IoU of whole photos", "images"),
}
IMAGES = {"mIoU_val": "val, ground truth", "mIoU_train": "train, masks that are trained on"}


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
        axes[0, 1].plot(shown["epoch"], shown[name], "o-", ms=3, label=IMAGES.get(name, name.removeprefix("mAP_")))
    if metrics:
        label, legend = METRICS[metrics[0].split("_")[0]]
        axes[0, 1].set(xlabel="epoch", ylabel=label, ylim=(0, 1))
        axes[0, 1].legend(title=legend)
    figure.tight_layout()
    save_figure(figure, curves_png)
