"""The plots in the paper's manner: what is drawn, and that nothing to draw is no failure."""

from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import pandas as pd
import pytest

from mdc.data.labels import CLASSES
from mdc.figures import plots
from mdc.figures.plots import (
    ours_and_the_papers,
    plot_classes,
    plot_confusion,
    plot_sweep,
    row_shares,
)
from mdc.scores.tables import read_per_class

SWEEP = "maps,threshold,miou,pixel_accuracy,precision,recall,labelled\n"
PAPER = Path(__file__).parents[3] / "workflow/resources/paper_table3.csv"


@pytest.fixture
def drawn(monkeypatch):
    """Return the list of figures that are saved from now on; they stay open until the test ends."""
    found = []

    def keep(figure, png, pdf):
        found.append(figure)
        figure.savefig(png, dpi=40, format="png")

    monkeypatch.setattr(plots, "save_paper_figure", keep)
    yield found
    plt.close("all")


@pytest.fixture
def files(tmp_path) -> dict[str, Path]:
    return {"png": tmp_path / "new" / "f.png", "pdf": tmp_path / "new" / "f.pdf"}


def saved(files: dict[str, Path]) -> dict[str, Path]:
    files["png"].parent.mkdir(exist_ok=True)
    return files


def test_sweep_has_a_line_per_map_setting_and_a_star_at_its_best(tmp_path, drawn, files):
    (tmp_path / "a.csv").write_text(SWEEP + "d1,0.3,0.4,0.9,0.6,0.7,0.8\nd1,0.6,0.5,0.9,0.7,0.3,0.5\n")
    (tmp_path / "b.csv").write_text(SWEEP + "fusion,0.3,0.557,0.9,0.6,0.7,0.9\n")
    sweeps = [tmp_path / "a.csv", tmp_path / "b.csv"]
    plot_sweep(sweeps_csv=sweeps, threshold=0.3, title="t", **saved(files))
    miou, precision, recall, labelled = drawn[0].axes
    assert [axis.get_title() for axis in drawn[0].axes] == ["mIoU", "precision", "recall", "labelled pixels"]
    d1, star, fusion, its_star, configured = miou.lines
    assert d1.get_xydata().tolist() == [[0.3, 0.4], [0.6, 0.5]] and star.get_xydata().tolist() == [[0.6, 0.5]]
    assert fusion.get_xydata().tolist() == its_star.get_xydata().tolist() == [[0.3, 0.557]]
    assert star.get_marker() == "*" and star.get_color() == d1.get_color() != fusion.get_color()
    assert configured.get_xdata() == [0.3, 0.3]
    assert precision.lines[0].get_ydata().tolist() == [0.6, 0.7]
    assert recall.lines[0].get_ydata().tolist() == [0.7, 0.3] and labelled.lines[1].get_ydata().tolist() == [0.9]
    (legend,) = drawn[0].legends
    assert [text.get_text() for text in legend.get_texts()] == ["d1: 50.0 at 0.6", "fusion: 55.7 at 0.3"]


def matrix(rows: list[list[int]]) -> pd.DataFrame:
    names = ["background", "cat", "None"]
    return pd.DataFrame(rows, index=pd.Index(names, name="truth"), columns=[*names, "unlabelled"])


def test_rows_of_a_confusion_matrix_become_percentages():
    found = row_shares(matrix([[6, 1, 0, 1], [3, 1, 0, 0], [0, 0, 0, 0]]))
    assert found.iloc[0].tolist() == [75, 12.5, 0, 12.5]
    assert found.iloc[1].tolist() == [75, 25, 0, 0]
    assert found.iloc[2].isna().all()  # the class does not occur
    without = row_shares(matrix([[6, 2, 0, 0], [3, 1, 0, 0], [0, 0, 1, 0]]))
    assert list(without) == ["background", "cat", "None"]  # every pixel was labelled
    assert without.iloc[0].tolist() == [75, 25, 0]


def test_confusion_matrix_shows_and_writes_the_percentages(tmp_path, drawn, files):
    matrix([[396, 2, 1, 1], [100, 300, 0, 0], [0, 0, 0, 0]]).to_csv(tmp_path / "c.csv")
    plot_confusion(confusion_csv=tmp_path / "c.csv", title="given", **saved(files))
    axis = drawn[0].axes[0]
    assert axis.images[0].get_array()[1].tolist() == [25, 75, 0, 0]
    written = {tuple(map(int, text.get_position())): text.get_text() for text in axis.texts}
    assert written == {(0, 0): "99", (0, 1): "25", (1, 1): "75"}  # (column, row); 0.5 and 0.25 are left out
    assert [label.get_text() for label in axis.get_xticklabels()] == ["background", "cat", "None", "unlabelled"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["background", "cat", "None"]
    colours = cv2.imread(str(files["png"]))
    assert (abs(colours.astype(int) - 216) <= 1).all(2).mean() > 0.02  # the grey row of the class that does not occur


KEYS = "split,classifier,setting,crf,"
WHERE = {"split": "val", "classifier": "mdc", "as_paper": True}


def paper() -> pd.DataFrame:
    return read_per_class(PAPER)


def voc_scores(setting: str = "weak-fusion", crf: str = "true", **changes: float) -> pd.DataFrame:
    """Return per_class.csv of one result on VOC's classes, all IoUs 50 but the given ones."""
    names = KEYS.rstrip(",").split(",")
    index = pd.MultiIndex.from_tuples([("val", "mdc", setting, crf)], names=names)
    return pd.DataFrame([dict.fromkeys(["background", *CLASSES, "mIoU"], 50.0) | changes], index)


def test_the_papers_scores_stand_beside_ours_only_where_the_classes_are_the_same():
    ours, theirs = ours_and_the_papers(voc_scores(cat=61.5), paper(), **WHERE, setting="weak-fusion", crf=True)
    assert ours["cat"] == 61.5 and ours["mIoU"] == 50 and len(ours) == 22
    assert theirs["cat"] == 80.2 and theirs["mIoU"] == 60.4  # the last but one row of the paper's table 3
    other = voc_scores().rename(columns={"cat": "lion"})
    assert ours_and_the_papers(other, paper(), **WHERE, setting="weak-fusion", crf=True)[1] is None
    without_crf = voc_scores(setting="weak-mean", crf="false")
    ours, theirs = ours_and_the_papers(without_crf, paper(), **WHERE, setting="weak-mean", crf=False)
    assert ours is not None and theirs is None  # the paper has no such setting
    on_other_data = WHERE | {"as_paper": False, "setting": "weak-fusion", "crf": True}
    assert ours_and_the_papers(voc_scores(), paper(), **on_other_data)[1] is None
    nowhere = WHERE | {"split": "test", "setting": "weak-fusion", "crf": True}
    assert ours_and_the_papers(voc_scores(), paper(), **nowhere) == (None, None)


def bars(figure) -> dict[str, list[float]]:
    axis = figure.axes[0]
    return {bar.get_label(): [patch.get_height() for patch in bar] for bar in axis.containers}


def test_bars_are_as_high_as_the_scores(tmp_path, drawn, files):
    voc_scores(cat=61.5).to_csv(tmp_path / "p.csv")
    where = WHERE | {"setting": "weak-fusion", "crf": True}
    plot_classes(per_class_csv=tmp_path / "p.csv", paper_csv=PAPER, **where, **saved(files))
    found = bars(drawn[0])
    assert list(found) == ["ours: mIoU 50.0", "the paper, on VOC: mIoU 60.4"]
    ours, theirs = found.values()
    assert ours == [50.0] * 8 + [61.5] + [50.0] * 13  # cat is the ninth of background and VOC's classes
    assert theirs[:3] == [89.5, 85.6, 34.6] and theirs[-1] == 60.4
    names = [label.get_text() for label in drawn[0].axes[0].get_xticklabels()]
    assert names == ["background", *CLASSES, "mIoU"]
    assert drawn[0].axes[0].get_title(loc="left") == "weak-fusion + CRF, val"


@pytest.mark.parametrize(
    ("plot", "table", "argument", "further"),
    [
        (plot_sweep, SWEEP, "sweeps_csv", {"threshold": None, "title": "t"}),
        (
            plot_confusion,
            "truth,background,cat,unlabelled\nbackground,0,0,0\ncat,0,0,0\n",
            "confusion_csv",
            {"title": "t"},
        ),
        (plot_classes, KEYS + "mIoU\n", "per_class_csv", WHERE | {"paper_csv": PAPER, "setting": "d1", "crf": False}),
    ],
)
def test_without_true_masks_every_plot_says_so(tmp_path, drawn, files, plot, table, argument, further):
    (tmp_path / "t.csv").write_text(table)
    plot(**{argument: [tmp_path / "t.csv"] if plot is plot_sweep else tmp_path / "t.csv"}, **further, **saved(files))
    (text,) = drawn[0].axes[0].texts
    assert "true mask" in text.get_text() and not drawn[0].axes[0].lines


def test_figures_are_whole_and_the_same_every_time(tmp_path, files):
    (tmp_path / "p.csv").write_text(KEYS + "background,$cat,mIoU\nval,mdc,weak-fusion,false,90,10,50\n")
    where = WHERE | {"setting": "weak-fusion", "crf": False}
    plot_classes(per_class_csv=tmp_path / "p.csv", paper_csv=PAPER, **where, **files)
    pdf, png = files["pdf"].read_bytes(), files["png"].read_bytes()
    assert pdf.startswith(b"%PDF-1.") and pdf.rstrip().endswith(b"%%EOF") and b"/Type3" not in pdf  # fonts of printers
    assert cv2.imread(str(files["png"])) is not None and not plt.get_fignums()
    plot_classes(per_class_csv=tmp_path / "p.csv", paper_csv=PAPER, **where, **files)
    assert (files["pdf"].read_bytes(), files["png"].read_bytes()) == (pdf, png)
