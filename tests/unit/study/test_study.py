"""The tables of the study on runs of two images, made here file by file, and what is written of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from mdc.config.config import Config
from mdc.runtime.errors import InputError
from mdc.study.claims import claims_of, verdict
from mdc.study.names import STEP_TABLES
from mdc.study.runs import Dataset
from mdc.study.sentences import dilations_sentence
from mdc.study.steps_page import steps_text
from mdc.study.tables import (
    contrast_table,
    datasets_table,
    differences_table,
    precision_table,
    results_table,
    tabulate_study,
)
from mdc.study.text import read_tables, readme_text, study_text, with_section
from tests.unit.overlays import merged

CONFIG = {
    "classifier": {"networks": {"mdc": [1]}},
    "data": {"synthetic": {"seed": 0}},
    "masks": {"background_conflict": "ignore"},
    "saliency": {"source": "rbd"},
    "segmenter": {"online_warmup_epochs": 3},
}
ROOT = Path(__file__).parents[3]
MANIFEST = "id,image,tags,mask,height,width,own_mask,own_height,own_width,digest\n"
# Pixels by (setting, seed): per image, hits of the background and of the one class, of 10 pixels each. What the class
# lacks is predicted as background.
HITS = {
    ("weak-fusion", 0): {"a": 8, "b": 6},
    ("weak-fusion", 1): {"a": 8, "b": 8},
    ("weak-d1", 0): {"a": 4, "b": 6},
    ("weak-d1", 1): {"a": 6, "b": 6},
}


def miou(hits: int, images: int) -> float:
    """Return the mIoU, in percent, where `hits` of 10 pixels per image are found and the background is complete."""
    total = 10 * images
    return 50 * (hits / total + total / (2 * total - hits))


def write_run(root: Path, seeds=(0, 1), *, settings=("weak-fusion", "weak-d1"), **changes) -> Path:
    """Write what the study reads of a run on two images, `a` with one tag and `b` with two."""
    (root / "data").mkdir(parents=True)
    (root / "data" / "classes.txt").write_text("cat\ndog\n")
    for split in ("train", "val"):
        size = "1,20"
        rows = f"a,a.jpg,cat,a.png,{size},a.png,{size},x\nb,b.jpg,cat;dog,b.png,{size},b.png,{size},x\n"
        rows += f"c,c.jpg,,,{size},,{size},x\n"
        (root / "data" / f"{split}.csv").write_text(MANIFEST + rows)
    summary = []
    for setting in settings:
        for seed in seeds:
            base = setting.removesuffix("-crf")
            hits = HITS[base, seed]
            rows = [(i, 0, 10, 20 - n, 10, 10) for i, n in hits.items()]
            rows += [(i, 1, 10, n, n, 10) for i, n in hits.items()]
            pixels = root / "scores" / "mdc" / f"seed{seed}" / "val" / f"{setting}.pixels.csv"
            write(pixels, "id class truth predicted hits labelled", rows)
            summary.append(("val", base, str(base != setting).lower(), seed, miou(sum(hits.values()), 2) / 100, "mdc"))
    write(root / "scores" / "summary.csv", "split setting crf seed miou classifier", summary)
    best = [("mdc", seed, "d1", 0.3, 0.5) for seed in seeds]
    write(root / "scores" / "best_thresholds.csv", "classifier seed maps threshold miou", best)
    write(root / "study" / "data.csv", "measure value", [("images", 2), ("objects", 3.5)])
    (root / "config.yaml").write_text(yaml.safe_dump(CONFIG | {"run": root.name, "seeds": list(seeds)} | changes))
    for seed in seeds:
        shift, maps = 0.1 * seed, ("d1", "fusion")
        sizes = [(m, size, t, 0.2 + shift) for m in maps for size in ("smallest", "largest") for t in (0.3, 0.6)]
        shares = [("true", 1, 0.3), ("true", 2, 0.7), ("false", 1, 0.6), ("false", 2, 0.4)]
        tables = {
            "regions": ("maps threshold precision recall iou", [(m, 0.3, 0.5 + shift, 0.4, 0.3) for m in maps]),
            "sizes": ("maps size threshold iou", sizes),
            "seen": ("threshold positives blocks share", [(0.3, *row) for row in shares]),
            "response": (
                "maps region from_px to_px body other objects",
                [(m, region, 12, 14, 0.5, 0.4, 9) for m in maps for region in ("distractor", "background")],
            ),
            "contrast": (
                "id maps region contrast",
                [(i, m, "background", value) for m in maps for i, value in (("a", 0.1), ("b", 0.3))],
            ),
            "logits": ("id block 1 2", [("a", "d1", 2.0, 0.0), ("b", "d1", 1.0, 0.0), ("c", "d1", 3.0, -1.0)]),
        }
        for name, (columns, rows) in tables.items():
            write(root / "study" / "mdc" / f"seed{seed}" / f"{name}.csv", columns, rows)
    return root


def write(path: Path, columns: str, rows: list[tuple]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=columns.split()).to_csv(path, index=False)


@pytest.fixture
def dataset(tmp_path):
    return Dataset("tiny", [write_run(tmp_path / "run")], draws=400)


def test_mean_spread_and_interval_of_a_result_by_hand(dataset):
    table = results_table(dataset, unseen_seed=1).set_index("setting")
    row = table.loc["weak-fusion"]
    seeds = [miou(14, 2), miou(16, 2)]
    assert row["miou"] == pytest.approx(np.mean(seeds)) and row["sd"] == pytest.approx(np.std(seeds, ddof=1))
    assert row["unseen"] == pytest.approx(seeds[1]) and row["seeds"] == 2
    assert row["one_tag"] == pytest.approx(miou(8, 1))  # image a, alike with both seeds
    assert row["several_tags"] == pytest.approx((miou(6, 1) + miou(8, 1)) / 2)
    # samples are a twice, both, or b twice: the extremes are their means over the seeds
    assert row["low"] == pytest.approx((miou(12, 2) + miou(16, 2)) / 2)
    assert row["high"] == pytest.approx(miou(16, 2))


def test_classes_may_be_called_as_columns(dataset, tmp_path):
    run = write_run(tmp_path / "other")
    (run / "data/classes.txt").write_text("seed\nid\n")
    for split in ("train", "val"):
        manifest = run / "data" / f"{split}.csv"
        manifest.write_text(manifest.read_text().replace(",cat", ",seed").replace(";dog", ";id"))
    other = Dataset("tiny", [run], draws=400)
    for table in (results_table, differences_table):
        pd.testing.assert_frame_equal(table(other, unseen_seed=1), table(dataset, unseen_seed=1))
    pd.testing.assert_frame_equal(precision_table(other), precision_table(dataset))


def test_differences_are_paired(dataset):
    row = differences_table(dataset, unseen_seed=1).iloc[0]
    assert (row["claim"], row["stage"]) == ("fusion over d1, one threshold", "segmenter")
    per_seed = [miou(14, 2) - miou(10, 2), miou(16, 2) - miou(12, 2)]
    assert row["difference"] == pytest.approx(np.mean(per_seed))
    assert (row["seeds"], row["seeds_above"], row["seeds_below"]) == (2, 2, 0)
    assert row["unseen"] == pytest.approx(per_seed[1])
    # b twice: alike with seed 0, 8 against 6 with seed 1; a twice: 8 against 4, 8 against 6
    ends = [(miou(16, 2) - miou(12, 2)) / 2, (miou(16, 2) - miou(8, 2) + miou(16, 2) - miou(12, 2)) / 2]
    assert [row["low"], row["high"]] == pytest.approx(ends)
    assert verdict(row) == "yes"


@pytest.mark.parametrize(
    ("low", "high", "seeds", "above", "below", "expected"),
    [
        (0.1, 2, 5, 5, 0, "yes"),
        (0.1, 2, 5, 4, 1, "not shown"),  # one seed says otherwise
        (-0.1, 2, 5, 5, 0, "not shown"),  # other images might say otherwise
        (-2, -0.1, 5, 0, 5, "no, the reverse"),
        (-2, -0.1, 5, 0, 1, "not shown"),  # the others are equal
        (0.1, 2, 1, 1, 0, "not shown"),  # one seed may be luck
    ],
)
def test_a_difference_is_shown_only_if_images_and_seeds_agree(low, high, seeds, above, below, expected):
    row = {"low": low, "high": high, "seeds": seeds, "seeds_above": above, "seeds_below": below}
    assert verdict(row) == expected


@pytest.mark.parametrize(("base", "overlay"), [("demo", "synthetic"), ("own", "photos")])
def test_the_overlays_of_the_study_answer_every_claim_and_train_nothing_else(base, overlay):
    names = ("config.yaml", f"{base}.yaml", f"study/{overlay}.yaml")
    layers = [yaml.safe_load((ROOT / "config" / name).read_text()) for name in names]
    config = Config.model_validate(merged(merged(*layers[:2]), layers[2]))
    trained = {f"weak-{masks}" if masks != "true-masks" else masks for masks in used_by_claims(config)}
    assert set(config.segmenter.settings) <= trained
    if overlay == "photos":  # some claims only, for time
        return
    as_masks_alone = {f"weak-{maps}@best" for maps in ("d1", "d3", "d6", "d9", "mean")}
    assert trained - set(config.segmenter.settings) <= as_masks_alone
    assert {f"{maps}@best" for maps in ("d1", "d3", "d6", "d9", "fusion", "mean")} == set(config.masks.variants)


def used_by_claims(config: Config) -> set[str]:
    return {name for claim in claims_of(config) for name in (claim.first, claim.second)}


def test_runs_with_their_own_images_are_sampled_apart(tmp_path):
    runs = [write_run(tmp_path / "one", (0,)), write_run(tmp_path / "two", (1,))]
    found = Dataset("tiny", runs, draws=50)
    assert [unit.seed for unit in found.units] == [0, 1]
    assert found.scores("val", "weak-fusion", False).tolist() == pytest.approx([miou(14, 2), miou(16, 2)])
    found.sampled("val", "weak-fusion", False)
    first, second = found._samples.values()
    assert (first != second).any()


def test_two_runs_on_the_same_images_are_compared_over_the_seeds_of_both(tmp_path, monkeypatch):
    frozen = write_run(tmp_path / "frozen")
    monkeypatch.setitem(HITS, ("weak-fusion", 1), {"a": 9, "b": 8})
    trained = write_run(tmp_path / "trained", (1,))  # of d1 the same
    datasets = [Dataset(run.name, [run], draws=400) for run in (trained, frozen)]
    (row,) = datasets_table(*datasets, unseen_seed=1).to_dict("records")
    assert (row["dataset"], row["claim"], row["stage"]) == ("trained", "trained over frozen", "segmenter")
    assert (row["first"], row["second"], row["seeds"]) == ("fusion", "fusion", 1)
    assert row["difference"] == row["unseen"] == pytest.approx(miou(17, 2) - miou(16, 2))
    # b twice: alike; a twice: 9 against 8
    assert [row["low"], row["high"]] == pytest.approx([0, miou(18, 2) - miou(16, 2)])


def test_another_run_on_the_same_images_has_its_place_on_the_page_and_none_in_the_readme(tmp_path, monkeypatch):
    frozen = write_run(tmp_path / "frozen", (1,))
    monkeypatch.setitem(HITS, ("weak-fusion", 1), {"a": 9, "b": 8})
    runs = {"frozen": [frozen], "trained": [write_run(tmp_path / "trained", (1,))]}
    tabulate_study(runs=runs, unseen_seed=1, draws=50, folder=tmp_path / "study")
    tables = read_tables(tmp_path / "study")
    assert "| trained over frozen (fusion) |" in study_text(tables)
    assert "trained" not in readme_text(tables) and "| masks | frozen: pseudo masks |" in readme_text(tables)


@pytest.mark.parametrize(("column", "value"), [("digest", "y"), ("tags", "dog"), ("id", "d")])
def test_runs_on_other_images_are_not_compared(tmp_path, dataset, column, value):
    run = write_run(tmp_path / "other")
    manifest = pd.read_csv(run / "data" / "train.csv", keep_default_na=False)
    manifest.loc[0, column] = value
    manifest.to_csv(run / "data" / "train.csv", index=False)
    assert datasets_table(Dataset("other", [run], draws=10), dataset, unseen_seed=1).empty


def test_an_unfinished_run_is_named(tmp_path):
    with pytest.raises(InputError, match="summary.csv is missing: finish the run none first"):
        Dataset("tiny", [tmp_path / "none"], draws=10)
    (tmp_path / "study").mkdir()
    run = write_run(tmp_path / "run")
    (run / "study" / "mdc" / "seed1" / "seen.csv").unlink()
    with pytest.raises(InputError, match=r"seed1/seen\.csv is missing: run the target study_measures of run"):
        list(Dataset("tiny", [run], draws=10).measured("seen"))
    (run / "scores" / "summary.csv").write_text("split,setting,crf,seed,miou,classifier\n")
    with pytest.raises(InputError, match="run has no scores: its images have no true masks"):
        Dataset("tiny", [run], draws=10)


def test_runs_that_do_not_fit_each_other_are_refused(tmp_path):
    one = write_run(tmp_path / "one", (0,))
    others = {
        "the runs on tiny have different results": write_run(tmp_path / "a", (1,), settings=["weak-d1"]),
        "a and one on tiny differ in more than seeds": write_run(
            tmp_path / "b" / "a", (1,), saliency={"source": "none"}
        ),
        "a seed of tiny is in two runs": write_run(tmp_path / "c", (0,)),
        "d has several classifiers": write_run(tmp_path / "d", (1,), classifier={"networks": {"x": [1], "y": [1]}}),
    }
    for words, other in others.items():
        with pytest.raises(InputError, match=words):
            Dataset("tiny", [one, other], draws=10)


def test_contrast_is_averaged_over_images_and_sampled_with_them(dataset):
    row = contrast_table(dataset).set_index(["maps", "region"]).loc[("d1", "background")]
    assert row["contrast"] == pytest.approx(0.2) and row["sd"] == 0
    assert [row["low"], row["high"]] == pytest.approx([0.1, 0.3])  # a twice, b twice


def test_average_precision_over_the_units_by_hand(dataset):
    # cat: images a and b, at places 2 and 3 of c, a, b; dog: image b, at place 2 of a, b, c
    row = precision_table(dataset).iloc[0]
    assert row["map"] == pytest.approx(((1 / 2 + 2 / 3) / 2 + 1 / 2) / 2)
    assert row["prevalence"] == pytest.approx(3 / 6) and row["images"] == 3
    assert row["low"] < row["map"] < row["high"] <= 1


def test_unlabelled_pixels_are_told_apart(tmp_path):
    run = write_run(tmp_path / "run")
    path = run / "scores/mdc/seed0/val/weak-d1.pixels.csv"
    table = pd.read_csv(path)
    table["labelled"] = table["hits"]  # whatever was given a label was right
    table["predicted"] = table["hits"]
    table.to_csv(path, index=False)
    found = Dataset("tiny", [run], draws=10)
    found.units = found.units[:1]
    assert found.labelled("val", "weak-d1", False) == pytest.approx((100, 100 * 30 / 40))


@pytest.fixture
def tables(tmp_path):
    runs = {"tiny": [write_run(tmp_path / "run")]}
    tabulate_study(runs=runs, unseen_seed=1, draws=100, folder=tmp_path / "study")
    return read_tables(tmp_path / "study")


def test_measures_are_averaged_over_seeds(tables):
    assert tables["regions"]["precision"].tolist() == pytest.approx([0.55, 0.55])
    assert set(tables["sizes"]["iou"]) == {0.25}
    assert tables["calibration"].to_numpy().tolist() == [["tiny", "images", 2], ["tiny", "objects", 3.5]]


def test_recall_and_precision_are_told_by_dilation(tables):
    assert dilations_sentence(tables["regions"], "tiny") == ""  # there is one dilation alone
    rows = [("tiny", maps, 0.3, 0.25 * n, 0.2 * n) for n, maps in ((1, "d1"), (2, "d3"), (3, "fusion"))]
    regions = pd.DataFrame(rows, columns=["dataset", "maps", "threshold", "precision", "recall"])
    told = dilations_sentence(regions, "tiny")
    assert told.endswith("recall of the objects by dilation: d1 20, d3 40 %; precision: d1 25, d3 50 %.")


def test_the_pages_and_the_readme_are_those_of_the_tables():
    readme, folder = (ROOT / "README.md").read_text(), ROOT / "results" / "study"
    tables = read_tables(folder)
    assert (folder / "study.md").read_text() == study_text(tables)
    assert with_section(readme, readme_text(tables)) == readme
    steps = [pd.read_csv(folder / f"{name}.csv") for name in STEP_TABLES]
    assert (folder / "steps.md").read_text() == steps_text(*steps, pictures="steps.png")
