"""What the page is told and shown of a run: the numbers are those of its tables, the pictures those of its files."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mdc.data.mask_files import read_mask

from .conftest import measured
from .made_run import NETWORK, columns

FUSION, D1, PREDICTED = f"masks/{NETWORK}/fusion", f"masks/{NETWORK}/d1", f"predictions/{NETWORK}/weak-fusion"
CAMS = f"cams/{NETWORK}/main"


def picture(response) -> np.ndarray:
    assert response.status_code == 200, response.text
    return np.asarray(Image.open(io.BytesIO(response.data)))


def map_values(response) -> np.ndarray:
    high_and_low = picture(response).astype(float)
    return (256 * high_and_low[..., 0] + high_and_low[..., 1]) / 65535 * float(response.headers["Mdc-Scale"])


def listed(ask, **query) -> list[tuple]:
    """Return (id, value) of the images of a query, in its order."""
    return [(image["id"], image["value"]) for image in measured(ask, **query)["images"]]


def test_a_run_tells_what_it_has_and_lacks(ask):
    told = ask("/api/run").json
    assert told["runs"] == ["made"] and told["classes"] == ["background", "cat", "dog"] and told["problems"] == []
    train = told["splits"]["train"]
    assert train["images"] == 3 and train["saliency"] == ["rbd"] and train["cams"] == [CAMS]
    assert {one["key"]: (one["label"], one["scored"]) for one in train["results"]} == {
        D1: ("pseudo-d1 (mdc, seed 0)", True),
        FUSION: ("pseudo-fusion (mdc, seed 0)", True),
        PREDICTED: ("weak-fusion (mdc, seed 0)", False),
    }
    assert f"masks/{NETWORK}/d3: no pseudo masks of train yet" in train["missing"]


@pytest.mark.parametrize(
    "query, expected",
    [
        ({}, ["a/1", "b", "c"]),
        ({"tags": "dog"}, ["b"]),
        ({"tags": "cat;dog"}, []),
        ({"search": "A/"}, ["a/1"]),
        ({"order": "down"}, ["c", "b", "a/1"]),
    ],
)
def test_images_are_filtered_by_class_and_id(ask, query, expected):
    assert [image_id for image_id, _ in listed(ask, **query)] == expected


@pytest.mark.parametrize(
    "query, expected",
    [
        # cat is in 5 of 9 columns, 4 of them true: 4/5; background is in 3 true ones of 5: 3/5
        ({"sort": "iou"}, {"a/1": 0.7, "c": 1.0, "b": None}),
        # of `b`, dog is claimed from column 3 on, background from 5 on, and nothing in 0 to 2
        ({"sort": "ignored", "order": "down"}, {"a/1": 1 / 9, "b": 7 / 9, "c": 0}),
        # of `a/1`: d1 agrees in 5 of 6 columns, d3 in none; saliency and map share 3.75 of 5.75; 8 of 9 are labelled
        ({"sort": "certainty"}, {"b": 0.180, "a/1": (5 / 12 + 3.75 / 5.75 + 8 / 9) / 3, "c": 1}),
        ({"sort": "certainty", "result": PREDICTED}, {"a/1": 0.75, "b": 0.75, "c": 0.75}),
        ({"sort": "differs", "other": PREDICTED}, {"a/1": 4 / 9, "b": 1, "c": 1}),
        ({"sort": "iou_difference", "other": D1}, {"a/1": 0, "c": 0, "b": None}),
    ],
)
def test_values_that_images_are_sorted_by(ask, query, expected):
    found = dict(listed(ask, **({"result": FUSION} | query)))
    assert found == pytest.approx(expected, abs=1e-3)
    known = [value for value in found.values() if value is not None]
    assert known == sorted(known, reverse="order" in query) and None not in list(found.values())[: len(known)]


def test_an_image_tells_its_scores_and_what_its_mask_was_made_with(ask, run):
    told = ask("/api/image", id="a/1", result=FUSION).json
    table = pd.read_csv(run / f"scores/{NETWORK}/train/pseudo-fusion.images.csv").set_index("id")
    assert told["scores"][FUSION] == table.loc["a/1", "miou"] == pytest.approx(0.7)
    assert told["tags"] == [{"index": 1, "name": "cat"}] and told["truth"] and told["blocks"] == ["d1", "d3"]
    assert told["steps"] == {"masks": FUSION, "predictions": PREDICTED}
    assert told["usual"]["recipe"]["threshold"] == 0.3 and told["usual"]["source"] == "rbd"
    assert told["tag_probabilities"] == {"cat": [0.5, 0.5]}


def test_layers_are_the_stored_values_pixel_by_pixel(ask, run):
    assert (picture(ask("/mask", id="a/1", result="truth")) == columns(1, 1, 1, 1, 0, 0, 0, 0, 0)).all()
    stored = read_mask(run / f"{FUSION}/train/a/1.png")
    assert (picture(ask("/mask", id="a/1", result=FUSION)) == stored).all()
    falling = 1 - np.arange(9) / 8
    assert map_values(ask("/map", id="a/1", cams=CAMS, map="d1", class_=1))[4] == pytest.approx(falling, abs=2e-5)
    rising = map_values(ask("/map", id="b", cams=CAMS, map="fusion", class_=2))[4]
    assert rising == pytest.approx(falling[::-1], abs=2e-5)
    assert (map_values(ask("/saliency", id="a/1", source="rbd"))[0] == [1, 1, 1, 1, 1, 0, 0, 0, 0]).all()
    for which, expected in (("1", 0.75), ("best", 0.75), ("0", 0.125)):
        found = map_values(ask("/probability", id="a/1", result=PREDICTED, class_=which))
        assert found == pytest.approx(np.full((9, 9), expected), abs=1e-3)  # scores are stored as float16


def test_neighbours_follow_the_order_of_the_grid(ask):
    told = ask("/api/neighbours", id="b", order="down").json
    assert told == {"place": 2, "total": 3, "previous": "c", "next": "a/1"}
