"""Pictures and pages of the report: what is drawn, and that nothing to draw is no failure."""

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mdc import figures, sheets
from mdc.figures import plot_curves, plot_sweep, write_html_table
from mdc.sheets import SheetInputs, chosen_images, coloured, draw_sheet, overlaid
from mdc.store import CAMS, Cams, create
from mdc.tables import write_table
from mdc.voc import write_mask

SWEEP = "maps,threshold,miou,pixel_accuracy,precision,recall,labelled\n"


@pytest.fixture
def drawn(monkeypatch):
    """Return the list of figures that are saved from now on; they stay open until the test ends."""
    found = []

    def keep(figure, path):
        found.append(figure)
        figure.savefig(path, dpi=40, format="png")

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


def test_sweep_has_a_line_per_map_setting(tmp_path, drawn):
    (tmp_path / "a.csv").write_text(SWEEP + "d1,0.3,0.5,0.9,0.6,0.7,0.8\nd1,0.6,0.4,0.9,0.7,0.3,0.5\n")
    (tmp_path / "b.csv").write_text(SWEEP + "fusion,0.3,0.55,0.9,0.6,0.7,0.9\n")
    plot_sweep(
        sweeps_csv=[tmp_path / "a.csv", tmp_path / "b.csv"], sweep_png=tmp_path / "s.png", threshold=0.3, title="t"
    )
    miou, _, recall, labelled = drawn[0].axes
    assert [axis.get_title() for axis in drawn[0].axes] == ["miou", "precision", "recall", "labelled"]
    assert miou.lines[0].get_xydata().tolist() == [[0.3, 0.5], [0.6, 0.4]]
    assert miou.lines[1].get_xydata().tolist() == [[0.3, 0.55]]
    assert recall.lines[0].get_ydata().tolist() == [0.7, 0.3] and labelled.lines[1].get_ydata().tolist() == [0.9]
    assert miou.lines[2].get_xdata() == [0.3, 0.3]  # the configured threshold
    assert [text.get_text() for text in miou.get_legend().get_texts()] == ["d1", "fusion"]


def test_a_sweep_without_true_masks_says_so(tmp_path, drawn):
    (tmp_path / "a.csv").write_text(SWEEP)
    plot_sweep(sweeps_csv=[tmp_path / "a.csv"] * 2, sweep_png=tmp_path / "s.png", threshold=0.3, title="t")
    assert [text.get_text() for text in drawn[0].axes[0].texts] == ["no training image has a true mask"]


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
        write_table([(i, str(tmp_path / f"{name}.png"), "") for i in ("NA", "other")], tmp_path / f"{name}.csv")

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
