"""The paper's figures 5 and 6: which images are shown, what their pictures hold, and ids that cannot be shown."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from mdc.cams.files import Cams, CamsInfo, create_cams
from mdc.data.mask_files import write_mask
from mdc.figures import paper_figures
from mdc.figures.paper_figures import draw_figure5, draw_figure6, refuse_unusable_ids, rows_to_show
from mdc.networks.grid import Grid
from mdc.runtime.errors import InputError
from mdc.storage.image_tables import write_table

KNOWN = list("abcdefg")
SCORES = pd.DataFrame({"id": list("abcdefx"), "miou": [0.5, 0.9, 0.1, 0.7, 0.3, float("nan"), 1.0]})
# from best to worst: b d a e c; f has no score, g was not scored, x cannot be shown


def test_the_best_the_median_and_the_worst_are_chosen():
    expected = [("best", "b"), ("median", "a"), ("failure case", "c")]
    assert rows_to_show(KNOWN, SCORES, [], with_failure=True) == expected
    assert rows_to_show(KNOWN, SCORES, [], with_failure=False) == expected


def test_images_that_are_asked_for_keep_their_order_and_get_the_failure_case_below():
    assert rows_to_show(KNOWN, SCORES, ["e", "g"], with_failure=True) == [("", "e"), ("", "g"), ("failure case", "c")]
    assert rows_to_show(KNOWN, SCORES, ["c", "b"], with_failure=True) == [("failure case", "c"), ("", "b")]
    assert rows_to_show(KNOWN, SCORES, ["e", "g"], with_failure=False) == [("", "e"), ("", "g")]
    assert rows_to_show(KNOWN, SCORES[:0], ["e"], with_failure=True) == [("", "e")]


@pytest.fixture
def figures(monkeypatch) -> list:
    """Return the list of figures that are drawn from now on."""
    found = []
    monkeypatch.setattr(paper_figures, "save_paper_figure", lambda figure, png, pdf: found.append(figure))
    yield found
    plt.close("all")


def pictures(figure) -> list[tuple[str, np.ndarray]]:
    """Return (column, picture) of a figure, row by row."""
    return [(axis.get_label(), axis.images[0].get_array()) for axis in figure.axes]


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


@pytest.fixture
def train(tmp_path, write_split) -> dict:
    """Return arguments of draw_figure5 for three photos of 1 x 9 pixels; `two` has a dog larger than its cat."""
    photo = np.full((1, 9, 3), 40, np.uint8)
    truth = np.array([[1] + [2] * 4 + [0] * 4], np.uint8)
    images = {"one": (photo, "cat", None), "two": (photo + 60, "cat;dog", truth), "none": (photo, "", truth)}
    with create_cams(tmp_path / "m.h5", CamsInfo(Grid(8), [1, 3], ["cat", "dog"], ""), config={}) as writer:
        cat, dog = [[[2.0, -1.0]], [[1.0, 1.0]]], [[[-1.0, 4.0]], [[0.0, 3.0]]]  # of both blocks, at pixels 0 and 8
        writer.add(Cams("one", np.array([cat]).swapaxes(0, 1), np.array([1]), np.zeros((2, 2)), 1, 9).item())
        writer.add(Cams("two", np.array([cat, dog]).swapaxes(0, 1), np.array([1, 2]), np.zeros((2, 2)), 1, 9).item())
        writer.add(Cams("none", np.zeros((2, 0, 1, 2)), np.array([]), np.zeros((2, 2)), 1, 9).item())
    (tmp_path / "images.csv").write_text("id,miou,pixel_accuracy\nnone,1.0,1.0\ntwo,0.256,0.5\n")
    return {
        "split_csv": write_split("train", images),
        "images_csv": tmp_path / "images.csv",
        "cams_h5": [tmp_path / "m.h5"],
        "png": tmp_path / "f.png",
        "pdf": tmp_path / "f.pdf",
        "classes": ["cat", "dog"],
        "setting": "fusion",
    }


def test_figure5_has_the_maps_of_the_largest_class_and_leaves_out_photos_without_tags(train, figures):
    draw_figure5(**train, ids=[])
    found = pictures(figures[0])
    assert [name for name, _ in found] == ["photo", "d1", "d3", "fusion"]
    assert found[0][1].tolist() == [[[100] * 3] * 9]
    # half the photo's 100 and half the ends of the colour map: (0, 0, 0.5) where the dog's map is 0, (0.5, 0, 0) at 1
    for _, heat in found[1:]:
        assert heat[0, 0].tolist() == [50, 50, 113] and heat[0, 8].tolist() == [113, 50, 50]
    assert texts(figures[0]) == ["photo", "d1", "d3", "fusion", "best", "two", "dog", "mIoU 26"]


def test_all_ids_are_checked_at_once_and_a_number_is_told_to_be_quoted(tmp_path, write_split, noise):
    train = write_split("train", {"2007_000027": (noise(0, 8, 8), "cat", None)})
    val = write_split("val", {"v": (noise(0, 8, 8), "", None)})
    manifests = {"figures.figure5": train, "figures.figure6": val}
    checked = tmp_path / "checked.txt"
    with pytest.raises(InputError) as error:
        asked = {"figures.figure5": ["2007000027"], "figures.figure6": ["v", "w"]}
        refuse_unusable_ids(asked, manifests, checked)
    headline, number, unknown = str(error.value).splitlines()
    assert headline == "the figures cannot be drawn:"
    assert "no image 2007000027 among the 1 of" in number and 'name "2007_000027" in quotes' in number
    assert "figures.figure6: there is no image w among the 1 of" in unknown and "name v," in unknown
    assert not checked.exists()
    refuse_unusable_ids({"figures.figure5": ["2007_000027"], "figures.figure6": ["v"]}, manifests, checked)
    assert checked.read_text() == "figures.figure5: 2007_000027\nfigures.figure6: v\n"


@pytest.fixture
def val(tmp_path, write_split) -> dict:
    """Return arguments of draw_figure6 for two photos of 2 x 2 pixels, one with a true mask, and two segmenters."""
    truth = np.array([[1, 255], [0, 0]], np.uint8)
    photo = np.full((2, 2, 3), 9, np.uint8)
    split = write_split("val", {"NA": (photo, "cat", truth), "b": (photo, "", None)})
    tables = {}
    for label, name in enumerate(("weak-fusion", "weak-fusion-crf", "semi2-fusion", "semi2-fusion-crf")):
        path = tmp_path / f"{name}.png"
        write_mask(path, np.full((2, 2), label, np.uint8))
        tables[name] = tmp_path / f"{name}.csv"
        write_table([(image_id, str(path), "0") for image_id in ("NA", "b")], tables[name])
    (tmp_path / "images.csv").write_text("id,miou,pixel_accuracy\nNA,0.994,0.5\n")
    settings = ("weak-fusion", "semi2-fusion")
    return {
        "split_csv": split,
        "images_csv": tmp_path / "images.csv",
        "predictions_csv": {name: tables[name] for name in settings},
        "crf_csv": {name: tables[f"{name}-crf"] for name in settings},
        "png": tmp_path / "f.png",
        "pdf": tmp_path / "f.pdf",
        "classes": ["cat", "dog", "cow"],
    }


def test_figure6_has_every_segmenter_without_and_with_crf_and_the_truth(val, figures):
    draw_figure6(**val, ids=["b", "NA"])
    found = pictures(figures[0])
    heads = ["photo", "weak-fusion", "weak-fusion\n+ CRF", "semi2-fusion", "semi2-fusion\n+ CRF"]
    assert [name for name, _ in found] == [*heads, *heads, "true mask"]  # b has none
    colours = [picture[0, 0].tolist() for _, picture in found]
    assert colours[:5] == [[9] * 3, [0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]  # VOC's of 0, 1, 2, 3
    assert found[-1][1].tolist() == [[[128, 0, 0], [235] * 3], [[0] * 3, [0] * 3]]
    assert texts(figures[0])[6:] == ["b", "NA", "mIoU 99"]
