"""The paper's numbers are those that it prints."""

from pathlib import Path

import pytest

from mdc.data.labels import CLASSES
from mdc.scores.published import paper_rows

RESOURCES = Path(__file__).parents[3] / "workflow/resources"
COUNTS = {"table3": 7, "table4": 6}


@pytest.mark.parametrize("name", COUNTS)
def test_the_mean_of_every_row_is_the_one_printed(name):
    table = paper_rows(RESOURCES / f"paper_{name}.csv")
    assert len(table) == COUNTS[name]
    assert list(table.columns) == ["split", "setting", "crf", "classifier", "background", *CLASSES, "mIoU"]
    means = table[["background", *CLASSES]].mean(axis=1)
    # A class that is one point off shifts the mean by 1 / 21, so most slips of the pen show.
    assert (means - table["mIoU"]).abs().max() < 0.05


def test_numbers_picked_from_the_paper():
    three = paper_rows(RESOURCES / "paper_table3.csv").set_index(["split", "setting", "crf"])
    assert three.loc[("val", "weak-d9", "false"), "bus"] == 51.3
    assert three.loc[("val", "weak-fusion", "true"), "mIoU"] == 60.4
    assert three.loc[("test", "weak-fusion", "true"), "tvmonitor"] == 50.3
    four = paper_rows(RESOURCES / "paper_table4.csv").set_index(["split", "setting", "crf"])
    assert four.loc[("val", "semi500-fusion", "false"), ["background", "chair", "mIoU"]].tolist() == [90.4, 28.3, 61.8]
    assert four.loc[("val", "semi1464-fusion", "true"), "mIoU"] == 65.7
    assert four.loc[("test", "semi2913-fusion", "true"), ["bird", "mIoU"]].tolist() == [84.0, 68.5]
