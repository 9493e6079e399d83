"""Contact sheets: which pictures of which images they hold."""

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from mdc.cams.files import Cams, CamsInfo, create_cams
from mdc.data.mask_files import write_mask
from mdc.networks.grid import Grid
from mdc.report import contact_sheets
from mdc.report.contact_sheets import SheetInputs, draw_sheet
from mdc.storage.image_tables import write_table

PICTURES = ("saliency_csv", "masks_csv", "certainty_csv", "predictions_csv", "crf_csv")


@pytest.fixture
def drawn(monkeypatch):
    """Return the list of figures that are saved from now on; they stay open until the test ends."""
    found = []

    def keep(figure, path):
        found.append(figure)
        figure.savefig(path, dpi=40, format="png")

    monkeypatch.setattr(contact_sheets, "save_figure", keep)
    yield found
    plt.close("all")


@pytest.fixture
def sheet(tmp_path, write_split, drawn):
    """Return a function that draws a sheet of two images, `NA` with a true mask, and returns its figure."""
    photo = np.full((1, 9, 3), 40, np.uint8)
    truth = np.array([[1] * 4 + [0] * 4 + [255]], np.uint8)
    split = write_split("val", {"NA": (photo, "cat", truth), "other": (photo + 60, "", None)})
    with create_cams(tmp_path / "m.h5", CamsInfo(Grid(8), [1, 3], ["cat"], ""), config={}) as writer:
        maps = np.array([[[[2.0, -1.0]]], [[[1.0, 1.0]]]])
        writer.add(Cams("NA", maps, np.array([1]), np.zeros((2, 1)), 1, 9).item())
        writer.add(Cams("other", maps[:, :0], np.array([]), np.zeros((2, 1)), 1, 9).item())
    paths = {"saliency": np.array([[255] * 5 + [0] * 4], np.uint8), "prediction": np.array([[1] * 9], np.uint8)}
    Image.fromarray(paths["saliency"]).save(tmp_path / "saliency.png")
    write_mask(tmp_path / "prediction.png", paths["prediction"])
    paths["mask"] = np.array([[1] * 5 + [255] * 4], np.uint8)
    write_mask(tmp_path / "mask.png", paths["mask"])
    for name in paths:
        write_table([(i, str(tmp_path / f"{name}.png"), "0") for i in ("NA", "other")], tmp_path / f"{name}.csv")

    def draw(images: str = "id,miou,pixel_accuracy\nNA,0.25,0.5\n", **tables):
        (tmp_path / "images.csv").write_text(images)
        given = {"cams_h5": []} | dict.fromkeys(PICTURES) | tables
        draw_sheet(
            inputs=SheetInputs(split_csv=split, images_csv=tmp_path / "images.csv", **given),
            sheet_png=tmp_path / "sheet.png",
            classes=["cat"],
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
        saliency_csv=sheet.folder / "saliency.csv",
        masks_csv=sheet.folder / "mask.csv",
        predictions_csv=sheet.folder / "prediction.csv",
        crf_csv=sheet.folder / "prediction.csv",
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


def test_predictions_are_drawn_at_the_size_of_the_photo_beside_them(sheet):
    write_mask(sheet.folder / "prediction.png", np.array([[1] * 6 + [0] * 12] * 2, np.uint8))
    found = pictures(sheet(predictions_csv=sheet.folder / "prediction.csv"))
    assert found["prediction"].tolist() == [[[128, 0, 0]] * 3 + [[0, 0, 0]] * 6]


def test_where_nothing_was_scored_the_first_images_of_the_split_are_shown(sheet):
    figure = sheet("id,miou,pixel_accuracy\n", cams_h5=[sheet.folder / "m.h5"])
    assert len(figure.axes) == 2 * 5
    assert list(pictures(figure, 1)) == ["photo", "d1", "d3", "fusion"]  # no truth
    labels = [axis.get_ylabel().splitlines() for axis in figure.axes if axis.get_ylabel()]
    assert labels == [["NA", "cat"], ["other", "no tag"]]


def test_where_nothing_was_scored_the_surest_pseudo_masks_come_first(sheet):
    rows = "NA,0.2,0.3,0.4,0.3\nother,,,0.9,0.9\n"
    (sheet.folder / "c.csv").write_text(f"id,maps_agree,saliency_agrees,labelled,certainty\n{rows}")
    figure = sheet("id,miou,pixel_accuracy\n", certainty_csv=sheet.folder / "c.csv")
    labels = [axis.get_ylabel().splitlines() for axis in figure.axes if axis.get_ylabel()]
    assert labels == [["other", "no tag", " 90"], ["NA", "cat", " 30"]]
    scored = sheet(certainty_csv=sheet.folder / "c.csv")
    assert [axis.get_ylabel().splitlines()[0] for axis in scored.axes if axis.get_ylabel()] == ["NA"]
