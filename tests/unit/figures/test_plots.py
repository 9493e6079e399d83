"""Pictures and pages of the report and the paper's plots: what is drawn, and that nothing to draw is no failure."""

import re
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mdc.data.labels import CLASSES
from mdc.data.mask_files import write_mask
from mdc.figures import plots as figures
from mdc.figures.plots import (
    ours_and_the_papers,
    plot_classes,
    plot_confusion,
    plot_curves,
    plot_sweep,
    row_shares,
    write_html_table,
)
from mdc.report import contact_sheets as sheets
from mdc.report.contact_sheets import SheetInputs, chosen_images, coloured, draw_sheet, overlaid
from mdc.storage.hdf5 import CAMS, Cams, create
from mdc.storage.image_tables import write_table

SWEEP = "maps,threshold,miou,pixel_accuracy,precision,recall,labelled\n"
PAPER = Path(figures.__file__).parents[2] / "resources" / "paper_table3.csv"


@pytest.fixture
def drawn(monkeypatch):
    """Return the list of figures that are saved from now on; they stay open until the test ends."""
    found = []

    def keep(figure, path):
        found.append(figure)
        figure.savefig(path, dpi=40, format="png")

    def keep_paper_figure(figure, png, pdf):
        keep(figure, png)

    monkeypatch.setattr(figures, "save_paper_figure", keep_paper_figure)
    monkeypatch.setattr(figures, "save_figure", keep)
    monkeypatch.setattr(sheets, "save_figure", keep)
    yield found
    plt.close("all")


def test_curves_hold_loss_learning_rate_and_every_metric(tmp_path, drawn):
    (tmp_path / "m.csv").write_text("epoch,step,lr,loss,mAP_d1\n1,5,0.1,2.5,\n2,10,0.01,1.5,0.75\n")
    plot_curves(metrics_csv=tmp_path / "m.csv", curves_png=tmp_path / "c.png", title="t")
    loss, metrics, rate = drawn[0].axes
    assert loss.lines[0].get_ydata().tolist() == [2.5, 1.5] and rate.lines[0].get_ydata().tolist() == [0.1, 0.01]
    assert metrics.lines[0].get_xydata().tolist() == [[2, 0.75]]  # no point where nothing was measured
    assert [text.get_text() for text in metrics.get_legend().get_texts()] == ["d1"]


def test_curves_without_metrics_or_rows_are_drawn(tmp_path, drawn):
    (tmp_path / "m.csv").write_text("epoch,step,lr,loss\n1,5,0.1,2.5\n")
    plot_curves(metrics_csv=tmp_path / "m.csv", curves_png=tmp_path / "c.png", title="t")
    assert len(drawn[0].axes) == 2  # loss and learning rate
    (tmp_path / "m.csv").write_text("epoch,step,lr,loss\n")
    plot_curves(metrics_csv=tmp_path / "m.csv", curves_png=tmp_path / "empty.png", title="t")
    assert cv2.imread(str(tmp_path / "empty.png")) is not None


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


def test_a_sweep_without_true_masks_says_so(tmp_path, drawn, files):
    (tmp_path / "a.csv").write_text(SWEEP)
    plot_sweep(sweeps_csv=[tmp_path / "a.csv"] * 2, threshold=None, title="t", **saved(files))
    assert [text.get_text() for text in drawn[0].axes[0].texts] == ["no training image has a true mask"]
    assert not drawn[0].axes[0].lines


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


def test_a_confusion_matrix_without_true_masks_says_so(tmp_path, drawn, files):
    matrix([[0] * 4] * 3).to_csv(tmp_path / "c.csv")
    plot_confusion(confusion_csv=tmp_path / "c.csv", title="given", **saved(files))
    assert [text.get_text() for text in drawn[0].axes[0].texts] == ["no image has a true mask"]


def test_numbers_fit_into_a_matrix_of_vocs_classes(tmp_path, drawn, files):
    names = ["background", *CLASSES]
    table = pd.DataFrame(np.eye(21, 22, dtype=int), index=pd.Index(names, name="truth"), columns=[*names, "unlabelled"])
    table.to_csv(tmp_path / "c.csv")
    plot_confusion(confusion_csv=tmp_path / "c.csv", title="given", **saved(files))
    axis = drawn[0].axes[0]
    drawn[0].canvas.draw()
    cell = axis.get_window_extent().width / 21
    assert len(axis.texts) == 21 and {text.get_text() for text in axis.texts} == {"100"}
    assert all(text.get_fontsize() >= 6 and text.get_window_extent().width < cell for text in axis.texts)


KEYS = "split,classifier,setting,crf,"


def paper() -> pd.DataFrame:
    return pd.read_csv(PAPER, dtype={"crf": str})


def voc_scores(**changes: float) -> pd.DataFrame:
    """Return per_class.csv of one result on VOC's classes, all IoUs 50 but the given ones."""
    keys = {"split": "val", "classifier": "mdc", "setting": "weak-fusion", "crf": "true"}
    return pd.DataFrame([keys | dict.fromkeys(["background", *CLASSES, "mIoU"], 50.0) | changes])


def test_the_papers_scores_stand_beside_ours_only_where_the_classes_are_the_same():
    ours, theirs = ours_and_the_papers(
        voc_scores(cat=61.5), paper(), split="val", classifier="mdc", result="weak-fusion-crf"
    )
    assert ours["cat"] == 61.5 and ours["mIoU"] == 50 and len(ours) == 22
    assert theirs["cat"] == 80.2 and theirs["mIoU"] == 60.4  # the last but one row of the paper's table 3
    other = voc_scores().rename(columns={"cat": "lion"})
    assert ours_and_the_papers(other, paper(), split="val", classifier="mdc", result="weak-fusion-crf")[1] is None
    without_crf = voc_scores().assign(crf="false", setting="weak-mean")
    ours, theirs = ours_and_the_papers(without_crf, paper(), split="val", classifier="mdc", result="weak-mean")
    assert ours is not None and theirs is None  # the paper has no such setting
    assert ours_and_the_papers(voc_scores(), paper(), split="test", classifier="mdc", result="weak-fusion-crf") == (
        None,
        None,
    )


def bars(figure) -> dict[str, list[float]]:
    axis = figure.axes[0]
    return {bar.get_label(): [patch.get_height() for patch in bar] for bar in axis.containers}


def test_bars_are_as_high_as_the_scores(tmp_path, drawn, files):
    voc_scores(cat=61.5).to_csv(tmp_path / "p.csv", index=False)
    where = {"split": "val", "classifier": "mdc", "result": "weak-fusion-crf"}
    plot_classes(per_class_csv=tmp_path / "p.csv", paper_csv=PAPER, **where, **saved(files))
    found = bars(drawn[0])
    assert list(found) == ["ours: mIoU 50.0", "the paper, on VOC: mIoU 60.4"]
    ours, theirs = found.values()
    assert ours == [50.0] * 8 + [61.5] + [50.0] * 13  # cat is the ninth of background and VOC's classes
    assert theirs[:3] == [89.5, 85.6, 34.6] and theirs[-1] == 60.4
    names = [label.get_text() for label in drawn[0].axes[0].get_xticklabels()]
    assert names == ["background", *CLASSES, "mIoU"]
    assert drawn[0].axes[0].get_title(loc="left") == "weak-fusion-crf, val"


def test_ours_stands_alone_with_other_classes_and_says_so(tmp_path, drawn, files):
    (tmp_path / "p.csv").write_text(KEYS + "background,cat,mIoU\nval,mdc,weak-fusion,false,90,,90\n")
    where = {"split": "val", "classifier": "mdc", "result": "weak-fusion"}
    plot_classes(per_class_csv=tmp_path / "p.csv", paper_csv=PAPER, **where, **saved(files))
    heights = bars(drawn[0])["ours: mIoU 90.0"]
    assert heights[0] == 90 and np.isnan(heights[1])  # the class does not occur
    assert drawn[0].axes[0].get_title(loc="left") == "weak-fusion, val; ours alone, the classes are not VOC's"


def test_bars_without_true_masks_say_so(tmp_path, drawn, files):
    (tmp_path / "p.csv").write_text(KEYS + "mIoU\n")
    where = {"split": "val", "classifier": "mdc", "result": "weak-fusion"}
    plot_classes(per_class_csv=tmp_path / "p.csv", paper_csv=PAPER, **where, **saved(files))
    assert [text.get_text() for text in drawn[0].axes[0].texts] == ["no image of val has a true mask"]
    assert drawn[0].axes[0].get_title(loc="left") == "weak-fusion, val"


def test_many_classes_take_several_rows(tmp_path, drawn, files):
    names = [f"class{number}" for number in range(50)]
    row = ["val", "mdc", "weak-fusion", "false", *range(50), 24.5]
    pd.DataFrame([row], columns=[*KEYS.rstrip(",").split(","), *names, "mIoU"]).to_csv(tmp_path / "p.csv", index=False)
    where = {"split": "val", "classifier": "mdc", "result": "weak-fusion"}
    plot_classes(per_class_csv=tmp_path / "p.csv", paper_csv=PAPER, **where, **saved(files))
    assert [len(axis.containers[0]) for axis in drawn[0].axes] == [17, 17, 17]
    assert [patch.get_height() for patch in drawn[0].axes[2].containers[0]] == [*range(34, 50), 24.5]


def test_pdfs_are_one_page_of_17_cm_with_truetype_fonts_and_the_same_every_time(tmp_path, files):
    (tmp_path / "p.csv").write_text(KEYS + "background,$cat,mIoU\nval,mdc,weak-fusion,false,90,10,50\n")
    where = {"split": "val", "classifier": "mdc", "result": "weak-fusion"}
    plot_classes(per_class_csv=tmp_path / "p.csv", paper_csv=PAPER, **where, **files)
    pdf, png = files["pdf"].read_bytes(), files["png"].read_bytes()
    assert pdf.startswith(b"%PDF-1.") and pdf.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type /Page\b", pdf)) == 1
    width, height = map(float, re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", pdf).groups())
    assert width == pytest.approx(17 / 2.54 * 72) and height == pytest.approx(6.2 / 2.54 * 72)
    assert b"/FontFile2" in pdf and b"/Type3" not in pdf  # TrueType, embedded
    assert not plt.get_fignums()
    assert cv2.imread(str(files["png"])).shape[1] == 1338  # 17 cm at 200 dots per inch
    assert not re.search(rb"Date|20\d\d-", pdf)
    plot_classes(per_class_csv=tmp_path / "p.csv", paper_csv=PAPER, **where, **files)
    assert (files["pdf"].read_bytes(), files["png"].read_bytes()) == (pdf, png)


def test_saved_figures_are_pngs_and_closed(tmp_path):
    (tmp_path / "m.csv").write_text("epoch,step,lr,loss\n1,5,0.1,2.5\n")
    plot_curves(metrics_csv=tmp_path / "m.csv", curves_png=tmp_path / "new" / "c.png", title="t")
    assert (tmp_path / "new" / "c.png").read_bytes()[:4] == b"\x89PNG"
    assert not plt.get_fignums()


def test_html_table_shows_three_digits_and_empty_cells(tmp_path):
    (tmp_path / "t.csv").write_text("setting,crf,miou\nweak-d1,false,0.56789\nweak-d3,true,\n")
    write_html_table(table_csv=tmp_path / "t.csv", table_html=tmp_path / "t.html", title="scores")
    text = (tmp_path / "t.html").read_text()
    assert "<td>0.568</td>" in text and "<td></td>" in text and "<td>false</td>" in text
    assert "<title>scores</title>" in text


def scores(values: dict[str, float]) -> pd.DataFrame:
    return pd.DataFrame({"id": list(values), "miou": list(values.values())})


def test_best_median_and_worst_images_by_hand():
    table = scores({"a": 0.1, "b": 0.9, "c": 0.5, "d": 0.4, "e": 0.6, "f": 0.9, "g": 0.2, "h": 0.3})
    # from best to worst: b f e c d h g a
    assert chosen_images(table, each=1) == [("best", "b"), ("median", "c"), ("worst", "a")]
    assert chosen_images(table, each=2) == [
        ("best", "b"),
        ("best", "f"),
        ("median", "c"),
        ("median", "d"),
        ("worst", "g"),
        ("worst", "a"),
    ]


def test_few_images_are_all_shown_once():
    assert chosen_images(scores({"a": 0.1, "b": 0.9, "c": 0.5}), each=1) == [("", "b"), ("", "c"), ("", "a")]
    assert chosen_images(scores({}), each=3) == []


def test_unlabelled_pixels_are_light_grey():
    assert coloured(np.array([[0, 1, 255]], np.uint8)).tolist() == [[[0, 0, 0], [128, 0, 0], [235, 235, 235]]]


def test_heat_is_laid_half_over_the_photo():
    found = overlaid(np.full((1, 2, 3), 100, np.uint8), np.array([[0.0, 5.0]]))
    # the colour map's ends: (0, 0, 0.5) and (0.5, 0, 0)
    assert found[0].tolist() == [[50, 50, 113], [113, 50, 50]]


@pytest.fixture
def sheet(tmp_path, write_split, drawn):
    """Return a function that draws a sheet of two images, `NA` with a true mask, and returns its figure."""
    photo = np.full((1, 9, 3), 40, np.uint8)
    truth = np.array([[1] * 4 + [0] * 4 + [255]], np.uint8)
    split = write_split("val", {"NA": (photo, "cat", truth), "other": (photo + 60, "", None)})
    with create(
        tmp_path / "m.h5", kind=CAMS, stride=8, classes=["cat"], weights_hash="", config={}, dilations=[1, 3]
    ) as writer:
        maps = np.array([[[[2.0, -1.0]]], [[[1.0, 1.0]]]])
        writer.add_cams(Cams("NA", maps, np.array([1]), np.zeros((2, 1)), 1, 9))
        writer.add_cams(Cams("other", maps[:, :0], np.array([]), np.zeros((2, 1)), 1, 9))
    paths = {"saliency": np.array([[255] * 5 + [0] * 4], np.uint8), "prediction": np.array([[1] * 9], np.uint8)}
    Image.fromarray(paths["saliency"]).save(tmp_path / "saliency.png")
    write_mask(tmp_path / "prediction.png", paths["prediction"])
    paths["mask"] = np.array([[1] * 5 + [255] * 4], np.uint8)
    write_mask(tmp_path / "mask.png", paths["mask"])
    for name in paths:
        write_table([(i, str(tmp_path / f"{name}.png"), "0") for i in ("NA", "other")], tmp_path / f"{name}.csv")

    def draw(images: str = "id,miou,pixel_accuracy\nNA,0.25,0.5\n", **tables):
        (tmp_path / "images.csv").write_text(images)
        given = {name: [] for name in ("cams_h5", "saliency_csv", "masks_csv", "predictions_csv", "crf_csv")} | tables
        draw_sheet(
            inputs=SheetInputs(split_csv=split, images_csv=tmp_path / "images.csv", **given),
            sheet_png=tmp_path / "sheet.png",
            classes=["cat"],
            names=["d1", "d3"],
            setting="fusion",
            each=3,
            title="a title",
        )
        assert cv2.imread(str(tmp_path / "sheet.png")) is not None
        return drawn[-1]

    draw.folder = tmp_path
    return draw


def columns(figure) -> list[str]:
    return [axis.get_title() for axis in figure.axes if axis.get_subplotspec().is_first_row()]


def pictures(figure, row: int = 0) -> dict[str, np.ndarray]:
    axes = [axis for axis in figure.axes if axis.get_subplotspec().rowspan.start == row]
    shown = {title: axis.images for title, axis in zip(columns(figure), axes, strict=True)}
    return {title: images[0].get_array() for title, images in shown.items() if images}


def test_sheet_shows_every_step_of_the_scored_images(sheet):
    figure = sheet(
        cams_h5=[sheet.folder / "m.h5"],
        saliency_csv=[sheet.folder / "saliency.csv"],
        masks_csv=[sheet.folder / "mask.csv"],
        predictions_csv=[sheet.folder / "prediction.csv"],
        crf_csv=[sheet.folder / "prediction.csv"],
    )
    expected = ["photo", "saliency", "d1", "d3", "fusion", "pseudo mask", "prediction", "+ CRF", "truth"]
    assert columns(figure) == expected
    found = pictures(figure)
    assert list(found) == expected and len(figure.axes) == 9  # one row: the other image has no score
    cat, grey, black = [128, 0, 0], [235, 235, 235], [0, 0, 0]
    assert found["truth"][0].tolist() == [cat] * 4 + [black] * 4 + [grey]
    assert found["prediction"][0].tolist() == [cat] * 9
    assert found["saliency"][0, :, 0].tolist() == [255] * 5 + [0] * 4
    assert found["pseudo mask"][0].tolist() == [cat] * 5 + [grey] * 4
    # half of the photo's 40, and half of the colour map's lowest colour where the d1 map is 0
    assert found["d1"][0, 8].tolist() == [20, 20, 83]
    label = figure.axes[0].get_ylabel()
    assert label.splitlines() == ["NA", "cat", " 25"]
    assert figure.get_suptitle() == "a title"


def test_where_nothing_was_scored_the_first_images_of_the_split_are_shown(sheet):
    figure = sheet("id,miou,pixel_accuracy\n", cams_h5=[sheet.folder / "m.h5"])
    assert len(figure.axes) == 2 * 5
    assert list(pictures(figure, 1)) == ["photo", "d1", "d3", "fusion"]  # no truth
    labels = [axis.get_ylabel().splitlines() for axis in figure.axes if axis.get_ylabel()]
    assert labels == [["NA", "cat"], ["other", "no tag"]]


def test_a_sheet_of_masks_alone(sheet):
    assert columns(sheet(predictions_csv=[sheet.folder / "prediction.csv"])) == ["photo", "prediction", "truth"]
