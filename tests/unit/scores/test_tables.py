"""Scores of masks, the saliency threshold of the baselines, and the tables."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mdc.data.labels import CLASSES
from mdc.data.mask_files import write_mask
from mdc.runtime.errors import InputError
from mdc.runtime.hashes import file_digest
from mdc.saliency.maps import read_saliency
from mdc.saliency.threshold import best_saliency_threshold, choose_saliency_threshold
from mdc.scores.tables import Result, best_thresholds, markdown, per_class, score_masks, summarise, tabulate_scores
from mdc.storage.image_tables import write_table

TABLES = ("summary_csv", "per_class_csv", "best_thresholds_csv", "segmenters_csv", "segmenters_md")
TABLED = {"swept": [], "sweeps": [], "note": "A note."}
PHOTO = np.zeros((1, 4, 3), np.uint8)


def result(**changes) -> Result:
    return Result(**{"split": "val", "setting": "weak-d1", "crf": False, "seed": 0, "classifier": "mdc"} | changes)


def written(folder: Path, table: list[list[int]], names: list[str], *, images: int = 1) -> tuple[Path, Path]:
    """Write a confusion matrix and a table of `images` images in the layout of `score_masks`."""
    folder.mkdir()
    frame = pd.DataFrame(table, index=pd.Index(names, name="truth"), columns=[*names, "unlabelled"])
    frame.to_csv(folder / "confusion.csv")
    pd.DataFrame({"id": range(images), "miou": 0.5}).to_csv(folder / "images.csv", index=False)
    return folder / "confusion.csv", folder / "images.csv"


@pytest.fixture
def split(write_split):
    """Return a manifest of three images of 1 x 4 pixels; `c` has no true mask."""
    return write_split(
        "val",
        {
            "a": (PHOTO, "", np.array([[0, 0, 1, 255]], np.uint8)),
            "x/b": (PHOTO, "", np.array([[2, 2, 2, 0]], np.uint8)),
            "c": (PHOTO, "", None),
        },
    )


@pytest.fixture
def scored(tmp_path, split):
    """Return a function that scores masks, given per id, and returns the two tables."""

    def score(masks: dict[str, list] | None, *, processes: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
        rows = []
        for name, mask in (masks or {}).items():
            path = tmp_path / "masks" / f"{name}.png"
            write_mask(path, np.array(mask, np.uint8))
            rows.append((name, str(path), file_digest(path)))
        write_table(rows, tmp_path / "masks.csv")
        score_masks(
            split_csv=split,
            masks_csv=[] if masks is None else [tmp_path / "masks.csv"],
            confusion_csv=tmp_path / "confusion.csv",
            images_csv=tmp_path / "images.csv",
            pixels_csv=tmp_path / "pixels.csv",
            classes=["cat", "dog"],
            processes=processes,
        )
        confusion = pd.read_csv(tmp_path / "confusion.csv", index_col="truth")
        return confusion, pd.read_csv(tmp_path / "images.csv")

    return score


@pytest.mark.parametrize("processes", [1, 2])
def test_scores_by_hand(scored, processes):
    confusion, images = scored({"a": [[0, 1, 1, 2]], "x/b": [[2, 255, 0, 0]]}, processes=processes)
    assert list(confusion.index) == ["background", "cat", "dog"]
    assert list(confusion.columns) == ["background", "cat", "dog", "unlabelled"]
    assert confusion.to_numpy().tolist() == [[2, 1, 0, 0], [0, 1, 0, 0], [1, 0, 1, 1]]
    assert images["id"].tolist() == ["a", "x/b"]
    # a: background 1/2, cat 1/2; x/b: background 1/2, dog 1/3
    assert images["miou"].tolist() == pytest.approx([1 / 2, (1 / 2 + 1 / 3) / 2])
    assert images["pixel_accuracy"].tolist() == pytest.approx([2 / 3, 1 / 2])


def test_pixels_by_image_and_class_by_hand(scored, tmp_path):
    scored({"a": [[0, 1, 1, 2]], "x/b": [[2, 255, 0, 0]]})
    table = pd.read_csv(tmp_path / "pixels.csv")
    # a: truth 0 0 1 and mask 0 1 1 where counted; x/b: truth 2 2 2 0, mask 2 - 0 0
    assert list(table.columns) == ["id", "class", "truth", "predicted", "hits", "labelled"]
    assert table.to_numpy().tolist() == [
        ["a", 0, 2, 1, 1, 2],
        ["a", 1, 1, 2, 1, 1],
        ["x/b", 0, 1, 2, 1, 1],
        ["x/b", 2, 3, 1, 1, 2],
    ]


def test_all_background_is_the_baseline_without_masks(scored):
    confusion, _ = scored(None)
    assert confusion.to_numpy().tolist() == [[3, 0, 0, 0], [1, 0, 0, 0], [3, 0, 0, 0]]


def test_a_mask_of_another_size_is_refused(scored):
    with pytest.raises(InputError, match=r"a\.png: the mask is 1 x 4, its photo 4 x 1 pixels"):
        scored({"a": [[0], [0], [0], [0]], "x/b": [[0, 0, 0, 0]]})


def test_a_mask_with_an_index_above_the_classes_is_refused(scored):
    with pytest.raises(InputError, match=r"a\.png: the indices \[3, 9\] are no classes; there are 2"):
        scored({"a": [[0, 9, 3, 255]], "x/b": [[0, 0, 0, 0]]})


def test_a_missing_mask_is_refused(scored):
    with pytest.raises(InputError, match="no picture of 1 images, the first is x/b"):
        scored({"a": [[0, 0, 0, 0]]})


def test_best_saliency_threshold_by_hand():
    histogram = np.zeros((2, 256), np.int64)
    histogram[0, [200, 100, 10]] = [6, 3, 1]  # pixels of objects
    histogram[1, [150, 50, 0]] = [2, 4, 84]  # pixels of the background
    # from 200: 6 / 10; from 150: 6 / 12; from 100: 9 / 12; from 50: 9 / 16; from 10: 10 / 16; from 0: 10 / 100
    threshold, iou = best_saliency_threshold(histogram)
    assert iou == pytest.approx(0.75)
    assert 50 < threshold * 255 <= 100  # all of these separate the same pixels


def test_without_salient_pixels_nothing_breaks():
    assert best_saliency_threshold(np.zeros((2, 256), np.int64)) == (0.0, 0.0)


def test_every_threshold_keeps_the_level_it_was_chosen_at(tmp_path):
    Image.fromarray(np.arange(256, dtype=np.uint8)[None]).save(tmp_path / "s.png")
    saliency = read_saliency(tmp_path / "s.png")
    for level in range(256):
        histogram = np.zeros((2, 256), np.int64)
        histogram[0, level], histogram[1, :level] = 5, 1
        threshold, iou = best_saliency_threshold(histogram)
        assert iou == 1
        threshold = json.loads(json.dumps(threshold))  # as it travels to the baseline
        assert (saliency >= threshold)[0].sum() == 256 - level


def test_saliency_threshold_of_training_images(tmp_path, write_split):
    truth = np.array([[0, 1, 2, 255]], np.uint8)
    csv = write_split("train", {"a": (PHOTO, "", truth), "b": (PHOTO, "", None)})
    Image.fromarray(np.array([[100, 100, 200, 0]], np.uint8)).save(tmp_path / "a.png")
    write_table([("a", str(tmp_path / "a.png"), "0"), ("b", "none.png", "0")], tmp_path / "s.csv")
    chosen = choose_saliency_threshold(train_csv=csv, saliency_csv=[tmp_path / "s.csv"], processes=1)
    # from 200: 1 of 2; from 100: 2 of 3
    assert chosen["foreground_iou"] == pytest.approx(2 / 3)
    assert 0 <= chosen["threshold"] <= 100 / 255


def test_saliency_threshold_without_true_masks_is_one_half(write_split):
    csv = write_split("train", {"a": (PHOTO, "", None)})
    chosen = choose_saliency_threshold(train_csv=csv, saliency_csv=[], processes=1)
    assert chosen["threshold"] == 0.5 and chosen["foreground_iou"] is None


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
    files = [tmp_path / f"{name}.csv" for name in ("d1", "fusion", "none")]
    table = best_thresholds([("mdc", 0), ("mdc", 0), ("mdc", 1)], files)
    assert table.to_dict("list") == {
        "classifier": ["mdc", "mdc"], "seed": [0, 0], "maps": ["d1", "fusion"],
        "threshold": [0.2, 0.1], "miou": [0.5, 0.6],
    }  # fmt: skip


def test_markdown_by_hand():
    index = pd.MultiIndex.from_tuples([("val", "ours"), ("val", "paper")], names=["split", "source"])
    table = pd.DataFrame({"cat": [12.345, np.nan], "mIoU": [50.0, 50.3]}, index=index)
    assert markdown(table).splitlines() == [
        "| split | source | cat | mIoU |",
        "|---|---|---:|---:|",
        "| val | ours | 12.3 | 50.0 |",
        "| val | paper |  | 50.3 |",
    ]


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


def test_a_class_may_be_called_none(tmp_path):
    files = written(tmp_path / "0", [[6, 2, 0], [0, 2, 0]], ["background", "None"])
    table = per_class([result()], [files[0]], [files[1]])
    assert table.columns.tolist() == ["background", "None", "mIoU"]
