"""Classes that are called as columns of the tables: from masks to every table, page and figure of scores."""

import numpy as np
import pandas as pd
import pytest

from mdc.data.labels import VOID
from mdc.data.mask_files import write_mask
from mdc.runtime.hashes import file_digest
from mdc.scores.compare import score_masks
from mdc.scores.paper_tables import tabulate_paper
from mdc.scores.tables import Result, markdown, read_per_class, tabulate_scores
from mdc.storage.image_tables import write_table

CLASSES = ["seed", "split", "setting", "classifier", "crf", "class", "of", "truth", "unlabelled", "iou", "None"]
ROWS = ["background", *CLASSES]
# class k has k + 2 pixels, of which one is not labelled
IOU = [100 * (k + 1) / (k + 2) for k in range(len(ROWS))]
SHOWN = [f"{value:.1f}" for value in (*IOU, np.mean(IOU))]


@pytest.fixture
def scored(tmp_path, write_split):
    """Return the arguments of both kinds of tables: a segmenter of two seeds, alike, with its scores."""
    truth = np.repeat(np.arange(len(ROWS)), np.arange(len(ROWS)) + 2).astype(np.uint8)[None]
    given = truth.copy()
    given[0, np.flatnonzero(np.diff(truth[0], prepend=VOID))] = VOID
    split = write_split("val", {"a": (np.zeros((*truth.shape, 3), np.uint8), "", truth)})
    write_mask(tmp_path / "given.png", given)
    write_table([("a", str(tmp_path / "given.png"), file_digest(tmp_path / "given.png"))], tmp_path / "masks.csv")
    score_masks(
        split_csv=split,
        masks_csv=tmp_path / "masks.csv",
        confusion_csv=tmp_path / "confusion.csv",
        images_csv=tmp_path / "images.csv",
        pixels_csv=tmp_path / "pixels.csv",
        classes=CLASSES,
        processes=1,
    )
    return {
        "results": [
            Result(split="val", setting="weak-fusion", crf=False, seed=seed, classifier="mdc") for seed in (0, 1)
        ],
        "confusions": [tmp_path / "confusion.csv"] * 2,
        "images": [tmp_path / "images.csv"] * 2,
    }


@pytest.fixture
def per_class_csv(tmp_path, scored):
    names = ("summary_csv", "best_thresholds_csv", "segmenters_csv", "segmenters_md", "per_class_csv")
    files = {name: tmp_path / name for name in names}
    tabulate_scores(**scored, swept=[], sweeps=[], note="A note.", **files)
    return files["per_class_csv"]


def test_the_tables_of_scores(tmp_path, per_class_csv):
    assert per_class_csv.read_text().splitlines()[0].split(",") == [
        "split", "classifier", "setting", "crf", *ROWS, "mIoU",
    ]  # fmt: skip
    table = read_per_class(per_class_csv)
    assert list(table.index) == [("val", "mdc", "weak-fusion", "false")]
    assert table.index.names == ["split", "classifier", "setting", "crf"]
    assert list(table.columns) == [*ROWS, "mIoU"]
    assert table.iloc[0].tolist() == pytest.approx([*IOU, np.mean(IOU)], abs=0.005)
    lines = (tmp_path / "segmenters_md").read_text().splitlines()
    assert lines[0] == "| split | setting | crf | classifier | " + " | ".join([*ROWS, "mIoU"]) + " |"
    assert lines[1] == "|---|---|---|---|" + "---:|" * (len(ROWS) + 1)
    assert lines[2] == "| val | weak-fusion | false | mdc | " + " | ".join(SHOWN) + " |"
    assert pd.read_csv(tmp_path / "summary_csv")["seed"].tolist() == [0, 1]


def test_a_bar_in_a_name_ends_no_cell():
    table = pd.DataFrame({"a|b": [1.0]}, index=pd.Index(["x|y"], name="split"))
    assert markdown(table).splitlines() == [r"| split | a\|b |", "|---|---:|", r"| x\|y | 1.0 |"]


def test_the_papers_tables(tmp_path, scored):
    none = tmp_path / "none.csv"
    files = {name: tmp_path / name for name in ("table_csv", "table_md", "table_html")}
    tabulate_paper(
        table="table3", **scored, paper_csv=none, others_csv=none, departures={"mdc": ["data.source"]}, on_voc=False,
        unscored=[], notes=[], **files,
    )  # fmt: skip
    table = pd.read_csv(files["table_csv"], keep_default_na=False)
    assert table["class"].tolist() == [*ROWS, "mIoU"] and set(table["seeds"]) == {"0 1"}
    assert table["ours"].tolist() == pytest.approx([*IOU, np.mean(IOU)], abs=0.005)
    assert set(table["setting"]) == {"weak-fusion"} and set(table["split"]) == {"val"}
    lines = files["table_md"].read_text().splitlines()
    assert "| classifier | setting | split | crf | of | " + " | ".join([*ROWS, "mIoU"]) + " |" in lines
    assert "| mdc | weak-fusion | val | false | ours | " + " | ".join(SHOWN) + " |" in lines
    assert files["table_html"].read_text().count("<th>of</th>") == 2
