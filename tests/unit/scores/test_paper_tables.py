"""Tables 3 and 4: our numbers beside the paper's, on confusion matrices worked out by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mdc.data.labels import CLASSES
from mdc.scores.paper_tables import beside_paper, class_scores, means_table, tabulate_paper
from tests.unit.scores.result_files import result, written

NAMES = ["background", *CLASSES]
RESOURCES = Path(__file__).parents[3] / "workflow/resources"
PAPER = pd.DataFrame(
    [("val", "weak-d1", "false", "paper", 60.0, 20.0, 40.0)],
    columns=["split", "setting", "crf", "classifier", "background", "cat", "mIoU"],
)


@pytest.fixture
def scores(tmp_path) -> pd.DataFrame:
    """Return scores of two seeds on a background and one class, of another classifier, and of a split without masks."""
    tables = [
        [[6, 0, 0], [2, 4, 0]],  # IoU 6/8 and 4/6
        [[6, 2, 0], [2, 2, 0]],  # 6/10 and 2/6
        [[8, 0, 0], [0, 2, 0]],
        [[0, 0, 0], [0, 0, 0]],
    ]
    results = [result(), result(seed=1), result(classifier="same"), result(split="test", crf=True)]
    files = [
        written(tmp_path / str(i), table, ["background", "cat"], images=int(i < 3)) for i, table in enumerate(tables)
    ]
    return class_scores(results, [confusion for confusion, _ in files], [images for _, images in files])


def test_means_are_over_seeds_and_stand_beside_the_papers_number(scores):
    table = beside_paper(scores, PAPER, as_paper=["mdc"]).set_index(["classifier", "split", "class"])
    background, cat, mean = (table.loc[("mdc", "val", name)] for name in ("background", "cat", "mIoU"))
    assert background["ours"] == pytest.approx((75 + 60) / 2)
    assert background["difference"] == pytest.approx(67.5 - 60)
    assert cat["ours"] == pytest.approx((200 / 3 + 100 / 3) / 2)
    assert cat["paper"] == 20
    first, second = (75 + 200 / 3) / 2, (60 + 100 / 3) / 2
    assert mean["ours"] == pytest.approx((first + second) / 2)
    assert mean["sd"] == pytest.approx((first - second) / np.sqrt(2))  # of two numbers
    assert mean["seeds"] == "0 1"
    assert mean["difference"] == pytest.approx(mean["ours"] - 40)


def test_another_classifier_has_no_number_of_the_paper_and_one_seed_no_spread(scores):
    table = beside_paper(scores, PAPER, as_paper=["mdc"])
    other = table[table["classifier"] == "same"]
    assert other["ours"].tolist() == [100, 100, 100]
    assert other[["sd", "paper", "difference"]].isna().all(axis=None)
    assert other["seeds"].tolist() == ["0"] * 3


def test_a_split_without_true_masks_is_a_row_without_a_number(scores):
    means = means_table(beside_paper(scores, pd.DataFrame(), as_paper=["mdc"]))
    assert means["split"].tolist() == ["val", "val", "test"]
    assert means["ours"].isna().tolist() == [False, False, True]
    assert means["crf"].tolist() == ["false", "false", "true"]


def pages(folder: Path, *, on_voc: bool) -> tuple[pd.DataFrame, str]:
    """Return table 3, written for a run in which the background alone is right: IoU 50 % and 0."""
    table = np.zeros((21, 22), int)
    table[0, 0], table[1:, 0] = 20, 1
    results = [result(), result(setting="weak-fusion", crf=True), result(classifier="same", setting="weak-fusion")]
    files = [written(folder / str(i), table.tolist(), NAMES) for i in range(3)]
    tabulate_paper(
        table="table3", results=results, confusions=[c for c, _ in files], images=[i for _, i in files],
        paper_csv=RESOURCES / "paper_table3.csv", others_csv=RESOURCES / "paper_table1.csv",
        departures={"mdc": [], "same": ["classifier dilations", "segmenter init"]}, on_voc=on_voc,
        unscored=["mdc/semi2913-fusion"], notes=["A note."], table_csv=folder / "table3.csv",
        table_md=folder / "table3.md", table_html=folder / "table3.html",
    )  # fmt: skip
    return pd.read_csv(folder / "table3.csv"), (folder / "table3.md").read_text()


def test_on_voc_the_papers_own_numbers_and_those_of_others_are_there(tmp_path):
    table, text = pages(tmp_path, on_voc=True)
    means = table[table["class"] == "mIoU"]
    assert means["ours"].tolist() == [2.38] * 3
    assert means["paper"].tolist()[:2] == [50.3, 60.4] and np.isnan(means["paper"].iloc[2])
    assert means["difference"].tolist()[:2] == [-47.92, -58.02]
    assert "| mdc | weak-d1 | val | false | 2.4 |  | 0 | 50.3 | -47.9 |" in text
    page = (tmp_path / "table3.html").read_text()
    for words in ("same, which departs from the paper in: classifier dilations, segmenter init.", "A note.", "AE-PSL"):
        assert words in text
    assert page.count("<table") == 3 and "<td>-47.9</td>" in page and "AE-PSL" in page


def test_elsewhere_no_number_of_the_paper_is_shown(tmp_path):
    table, text = pages(tmp_path, on_voc=False)
    assert table[["paper", "difference"]].isna().all(axis=None)
    assert "stand beside results on VOC only" in text and "Published" not in text
    assert "departs" not in text
