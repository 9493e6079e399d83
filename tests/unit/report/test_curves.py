"""Training curves: what is drawn."""

import matplotlib.pyplot as plt
import pytest

from mdc.report import curves
from mdc.report.curves import plot_curves


@pytest.fixture
def drawn(monkeypatch):
    """Return the list of figures that are saved from now on; they stay open until the test ends."""
    found = []

    def keep(figure, path):
        found.append(figure)
        figure.savefig(path, dpi=40, format="png")

    monkeypatch.setattr(curves, "save_figure", keep)
    yield found
    plt.close("all")


def test_curves_hold_loss_learning_rate_and_every_metric(tmp_path, drawn):
    (tmp_path / "m.csv").write_text("epoch,step,lr,loss,mAP_d1\n1,5,0.1,2.5,\n2,10,0.01,1.5,0.75\n")
    plot_curves(metrics_csv=tmp_path / "m.csv", curves_png=tmp_path / "c.png", title="t")
    loss, metrics, rate = drawn[0].axes
    assert loss.lines[0].get_ydata().tolist() == [2.5, 1.5] and rate.lines[0].get_ydata().tolist() == [0.1, 0.01]
    assert metrics.lines[0].get_xydata().tolist() == [[2, 0.75]]  # no point where nothing was measured
    assert [text.get_text() for text in metrics.get_legend().get_texts()] == ["d1"]
    assert metrics.get_ylabel() == "mean average precision on val"
