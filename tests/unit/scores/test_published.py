"""The paper's numbers are those that it prints."""

from pathlib import Path

import numpy as np
import pytest

from mdc.data.labels import CLASSES
from mdc.scores.published import other_methods, paper_rows

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


def test_other_methods():
    weak = other_methods(RESOURCES / "paper_table1.csv").set_index(["method", "supervision"])
    assert len(weak) == 22
    assert weak.loc[("AE-PSL (CVPR 2017)", "tags"), ["val", "test"]].tolist() == [55.0, 55.7]
    assert weak.loc[("MIL-seg (CVPR 2015)", "tags"), ["images", "masks"]].tolist() == ["700K", "implicitly"]
    assert weak.loc[("Scribblesup (CVPR 2016)", "spots"), "val"] == 51.6
    assert np.isnan(weak.loc[("1 Point (ECCV 2016)", "spots"), "test"])
    assert (weak["masks"] == "implicitly").sum() == 4  # the paper's asterisks
    assert weak["val"].sum() == pytest.approx(1094.4) and weak["test"].sum() == pytest.approx(948.3)
    semi = other_methods(RESOURCES / "paper_table2.csv").set_index(["method", "supervision"])
    assert semi.loc[("WSSL (ICCV 2015)", "tags"), ["val", "test"]].tolist() == [64.6, 66.2]
    assert semi.loc[("MDC (the paper)", "tags"), ["val", "test"]].tolist() == [65.7, 67.6]
