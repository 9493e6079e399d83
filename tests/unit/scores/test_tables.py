"""The tables of scores."""

import numpy as np
import pandas as pd
import pytest

from mdc.data.labels import CLASSES
from mdc.scores.tables import best_thresholds, per_class, summarise, tabulate_scores
from tests.unit.scores.result_files import result, written

TABLES = ("summary_csv", "per_class_csv", "best_thresholds_csv", "segmenters_csv", "segmenters_md")
TABLED = {"swept": [], "sweeps": [], "note": "A note."}


@pytest.fixture
def three(tmp_path):
    """Return results with their files: two seeds of one setting, and one on images without true masks."""
    names = ["background", "cat"]
    files = [
        written(tmp_path / "0", [[6, 2, 0], [0, 2, 0]], names, images=3),  # IoU 6/8, 2/4
        written(tmp_path / "1", [[4, 0, 0], [4, 0, 2]], names, images=3),  # IoU 4/8, 0
        written(tmp_path / "2", [[0, 0, 0], [0, 0, 0]], names, images=0),
    ]
    results = [result(), result(seed=1), result(setting="weak-d3", crf=True)]
    return results, [confusion for confusion, _ in files], [images for _, images in files]


def test_summary_has_a_row_per_result_with_true_masks(three):
    table = summarise(*three)
    assert table["seed"].tolist() == [0, 1] and table["images"].tolist() == [3, 3]
    assert table["miou"].tolist() == pytest.approx([(0.75 + 0.5) / 2, 0.25])
    assert table["pixel_accuracy"].tolist() == pytest.approx([0.8, 0.4])
    assert table["labelled"].tolist() == pytest.approx([1, 0.8])
    assert table["recall"].tolist() == pytest.approx([1, 0])
    assert table["crf"].tolist() == ["false", "false"]


def test_per_class_is_in_percent_and_averaged_over_seeds(three):
    table = per_class(*three)
    assert list(table.index) == [("val", "mdc", "weak-d1", "false")]
    assert table.columns.tolist() == ["background", "cat", "mIoU"]
    assert table.iloc[0].tolist() == pytest.approx([(75 + 50) / 2, (50 + 0) / 2, (62.5 + 25) / 2])


def test_nothing_scored_gives_tables_that_say_so(three, tmp_path):
    results, confusions, images = ([part[2]] for part in three)
    paths = {name: tmp_path / name for name in TABLES}
    tabulate_scores(results=results, confusions=confusions, images=images, **TABLED, **paths)
    assert len(pd.read_csv(paths["summary_csv"])) == 0
    assert len(pd.read_csv(paths["per_class_csv"])) == len(pd.read_csv(paths["segmenters_csv"])) == 0
    assert "no segmenter could be scored" in paths["segmenters_md"].read_text()


@pytest.fixture
def voc(tmp_path):
    """Return results on VOC's classes in which background alone is right: IoU 50 % and 0."""
    names = ["background", *CLASSES]
    table = np.zeros((21, 22), int)
    table[0, 0], table[1:, 0] = 20, 1
    kinds = [result(), result(setting="weak-mean"), result(setting="weak-fusion", crf=True)]
    files = [written(tmp_path / str(i), table.tolist(), names, images=1449) for i in range(3)]
    return kinds, [confusion for confusion, _ in files], [images for _, images in files]


def test_best_thresholds_are_the_highest_miou_of_each_sweep(tmp_path):
    (tmp_path / "d1.csv").write_text("maps,threshold,miou\nd1,0.1,0.3\nd1,0.2,0.5\nd1,0.3,0.4\n")
    (tmp_path / "fusion.csv").write_text("maps,threshold,miou\nfusion,0.1,0.6\nfusion,0.2,0.2\n")
    (tmp_path / "none.csv").write_text("maps,threshold,miou\n")
    (tmp_path / "equal.csv").write_text("maps,threshold,miou\nmean,0.4,0.7\nmean,0.2,0.7\n")
    files = [tmp_path / f"{name}.csv" for name in ("d1", "fusion", "none", "equal")]
    table = best_thresholds([("mdc", 0), ("mdc", 0), ("mdc", 1), ("mdc", 2)], files)
    assert table.to_dict("list") == {
        "classifier": ["mdc"] * 3, "seed": [0, 0, 2], "maps": ["d1", "fusion", "mean"],
        "threshold": [0.2, 0.1, 0.2], "miou": [0.5, 0.6, 0.7],  # of equals the lowest, at which the masks are made
    }  # fmt: skip


def test_written_tables_hold_the_same_and_one_the_segmenters_without_and_then_with_crf(voc, tmp_path):
    paths = {name: tmp_path / "out" / name for name in TABLES}
    results, confusions, images = ([*part] for part in voc)
    results += [result(setting="weak-d3"), result(split="train", setting="pseudo-d1")]
    results[1] = result(setting="weak-mean", crf=True)
    confusions, images = confusions + confusions[:2], images + images[:2]
    tabulate_scores(results=results, confusions=confusions, images=images, **TABLED, **paths)
    assert pd.read_csv(paths["summary_csv"])["miou"].tolist() == pytest.approx([0.5 / 21] * 5)
    assert pd.read_csv(paths["per_class_csv"])["setting"].tolist()[-1] == "pseudo-d1"
    table = pd.read_csv(paths["segmenters_csv"])
    assert table["setting"].tolist() == ["weak-d1", "weak-d3", "weak-mean", "weak-fusion"]
    assert table["mIoU"].tolist() == [2.38] * 4
    lines = paths["segmenters_md"].read_text().splitlines()
    assert len(lines) == 8 and lines[-1] == "A note."
    assert lines[2].startswith("| val | weak-d1 | false | mdc | 50.0 | 0.0 |")
