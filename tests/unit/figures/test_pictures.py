"""What figures and contact sheets show: which images, and maps and masks as pictures."""

import numpy as np
import pandas as pd

from mdc.figures.pictures import chosen_images, coloured, overlaid


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


def test_images_can_be_chosen_by_another_column():
    table = pd.DataFrame({"id": ["a", "b", "c", "d"], "certainty": [0.2, 0.9, 0.5, None]})
    found = chosen_images(table, each=1, by="certainty", kinds=("surest", "middle", "least sure"))
    assert found == [("", "b"), ("", "c"), ("", "a")]
    more = pd.concat([table, pd.DataFrame({"id": ["e"], "certainty": [0.1]})])
    assert chosen_images(more, each=1, by="certainty", kinds=("surest", "middle", "least sure")) == [
        *(("surest", "b"), ("middle", "c"), ("least sure", "e"))
    ]


def test_unlabelled_pixels_are_light_grey():
    assert coloured(np.array([[0, 1, 255]], np.uint8)).tolist() == [[[0, 0, 0], [128, 0, 0], [235, 235, 235]]]


def test_heat_is_laid_half_over_the_photo():
    found = overlaid(np.full((1, 2, 3), 100, np.uint8), np.array([[0.0, 5.0]]))
    # the colour map's ends: (0, 0, 0.5) and (0.5, 0, 0)
    assert found[0].tolist() == [[50, 50, 113], [113, 50, 50]]
