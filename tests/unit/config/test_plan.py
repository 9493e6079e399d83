"""Where the files of a run lie, and which there are: of the paper's run, and of one with variants and shards."""

from pathlib import Path

import pytest

from mdc.config.experiments import Experiment
from mdc.config.paths import Weights
from mdc.config.plan import Plan
from mdc.runtime.errors import InputError

from .configs import plan

OTHER = {  # two classifiers, two shards, and variants of every kind, two of which have the same maps
    "run": "other",
    "shards": 2,
    "data": {"source": "synthetic"},
    "classifier": {"networks": {"mdc": [1, 3], "one": [3]}},
    "masks": {"variants": ["d3@best"]},
    "variants": {
        "best": {"masks": {"threshold": "best"}},
        "untrained": {"cams": {"network": "untrained"}},
        "untrained-bare": {"cams": {"network": "untrained"}, "saliency": {"source": "none"}},
        "offline": {"segmenter": {"online_term": False}},
    },
    "segmenter": {
        "settings": ["weak-fusion", "weak-d3@untrained-bare", "weak-d3@offline", "weak-salient-d3", "semi8-d3"],
        "strong": {"with_val": 8},
        "init": "classifier",
    },
    "predictions": {"splits": ["val", "test"]},
    "scores": {"table3": ["mdc/weak-fusion"], "table4": ["one/semi8-d3"]},
}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def paper() -> Plan:
    return plan()


@pytest.fixture
def other() -> Plan:
    return plan(OTHER)


RUN = "results/other"


def shown(results: list[dict]) -> list[str]:
    """Return results in one word each: classifier/seed/split/setting, and -crf."""
    return ["{classifier}/{seed}/{split}/{setting}".format(**one) + "-crf" * one["crf"] for one in results]


# -- the paper's run ---------------------------------------------------------------------------------------------------

BLOCKS = ("d1", "d3", "d6", "d9")


def test_the_papers_weights_and_where_they_start(paper):
    segmenters = (*(f"weak-{name}" for name in (*BLOCKS, "fusion")), "true-masks")
    assert paper.every_weight() == [
        "results/paper/classifier/mdc/seed0/weights.pt",
        *(f"results/paper/segmenter/mdc/seed0/{name}/weights.pt" for name in segmenters),
    ]
    file = "data/weights/vgg/IMAGENET1K_V1"
    digest = "sha256:397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"
    for stage in ("classifier", "segmenter"):
        assert paper.weights(stage, "mdc") == Weights(f"{file}.pth", f"{file}.ready.txt", digest)
    assert paper.downloaded() == ["data/voc/ready.txt", "data/sbd/ready.txt", f"{file}.ready.txt"]


def test_the_papers_results(paper):
    names = (*BLOCKS, "fusion", "mean")
    assert shown(paper.results()) == [
        "mdc/0/train/all-background",
        *(f"mdc/0/train/pseudo-{name}" for name in names),
        *(f"mdc/0/train/pseudo-salient-{name}" for name in names),
        "mdc/0/val/all-background",
        *(f"mdc/0/val/weak-{name}{crf}" for name in (*BLOCKS, "fusion") for crf in ("", "-crf")),
        *("mdc/0/val/true-masks", "mdc/0/val/true-masks-crf"),
    ]
    found = paper.scores("confusion", paper.results()[:2] + paper.results()[-1:])
    names = ("train/all-background", "train/pseudo-d1", "val/true-masks-crf")
    assert found == [f"results/paper/scores/mdc/seed0/{name}.confusion.csv" for name in names]


def test_without_comparison_only_masks_that_are_learnt_from_and_maps_of_train_are_made():
    found = plan({"masks": {"compare_maps": False}, "segmenter": {"settings": ["weak-d3"]}})
    baselines = ["mdc/0/train/all-background", "mdc/0/train/pseudo-d3", "mdc/0/train/pseudo-fusion"]
    segmenters = ["mdc/0/val/all-background", "mdc/0/val/weak-d3", "mdc/0/val/weak-d3-crf"]
    assert sorted(shown(found.results())) == sorted(baselines + segmenters)
    assert found.every_map("cams") == [f"results/paper/cams/mdc/seed0/main/train{end}.h5" for end in (".0-of-1", "")]
    sheet = Experiment.parse("weak-d3-crf")
    for split, has_maps in (("train", True), ("val", False)):
        found_maps = found.sheet_maps("mdc/seed0", sheet, split), found.sheet_saliency(sheet, split)
        assert [bool(files) for files in (*found_maps, found.sheet_masks("mdc/seed0", sheet, split))] == [has_maps] * 3


def test_the_certainty_is_of_pseudo_masks_that_are_shown_or_learnt_from(paper, other):
    rated = [(str(network), masks.masks_name) for network, masks in paper.rated_masks()]
    assert rated == [("mdc/seed0", name) for name in ("fusion", "d1", "d3", "d6", "d9")]
    (network, masks), *_ = paper.rated_masks()
    assert paper.certainty(str(network), masks) == "results/paper/masks/mdc/seed0/fusion/certainty.csv"
    assert paper.pseudo_mask_scores(network, masks) == "results/paper/scores/mdc/seed0/train/pseudo-fusion.images.csv"
    of_sheet = paper.sheet_certainty("mdc/seed0", Experiment.of_masks("d3@x"), "train")
    assert of_sheet == ["results/paper/masks/mdc/seed0/d3@x/certainty.csv"]
    for experiment, split in (("weak-d3-crf", "train"), ("pseudo-d3", "val"), ("all-background", "train")):
        assert paper.sheet_certainty("mdc/seed0", Experiment.parse(experiment), split) == []
    assert {masks.masks_name for _, masks in other.rated_masks()} >= {"d3@untrained-bare", "salient-d3"}
    assert plan({"masks": {"external_masks": "m"}, "segmenter": {"settings": ["weak-external"]}}).rated_masks() == []


@pytest.mark.parametrize(
    "changes, sheet",
    [
        ({}, "val/weak-fusion-crf"),
        ({"predictions": {"splits": ["test", "train"]}, "segmenter": {"settings": ["weak-d3"]}}, "test/weak-d3-crf"),
        ({"predictions": {"splits": []}}, "train/pseudo-fusion"),
        ({"masks": {"external_masks": "m"}, "segmenter": {"settings": []}}, "train/pseudo-external"),
    ],
)
def test_the_report_opens_with_a_contact_sheet_that_it_has(changes, sheet):
    found = plan(changes)
    assert found.overview() == f"results/paper/report/mdc/seed0/{sheet}.png"
    assert found.overview() in found.report_pictures()


# -- a run with variants, two classifiers and shards -------------------------------------------------------------------


def test_maps_of_variants_are_made_where_they_differ_and_once(other):
    def of(classifier: str) -> list[str]:
        folder = f"{RUN}/cams/{classifier}/seed0"
        files = ("0-of-2.h5", "1-of-2.h5", "h5")
        maps = ("main/train", "main/val", "main/test", "untrained/train")
        return [f"{folder}/{name}.{file}" for name in maps for file in files]

    assert other.every_map("cams") == of("mdc") + [  # the segmenters of `one` are judged on the same splits
        name.replace("/mdc/", "/one/") for name in of("mdc")
    ]
    files = ("0-of-2.csv", "1-of-2.csv", "csv")
    saliency = [f"{RUN}/saliency/rbd/{split}.{file}" for split in ("train", "val", "test") for file in files]
    assert other.every_map("saliency") == saliency  # a variant has none


@pytest.mark.parametrize(
    ("masks", "maps", "weights", "saliency"),
    [
        ("fusion", "main", "weights", ["rbd"]),
        ("d3@best", "main", "weights", ["rbd"]),
        ("d3@untrained", "untrained", "untrained", ["rbd"]),
        ("d3@untrained-bare", "untrained", "untrained", []),
        ("salient-d3@offline", "main", "weights", ["rbd"]),
    ],
)
def test_what_masks_are_made_of(other, masks, maps, weights, saliency):
    experiment = Experiment.of_masks(masks)
    files = [f"{RUN}/cams/mdc/seed0/{maps}/train.{shard}-of-2.h5" for shard in range(2)]
    assert other.cams("mdc/seed0", "train", experiment) == files
    assert other.cams_weights("mdc/seed0", maps) == f"{RUN}/classifier/mdc/seed0/{weights}.pt"
    assert other.saliency("train", experiment) == [f"{RUN}/saliency/{source}/train.csv" for source in saliency]


def test_the_masks_that_segmenters_learn_from(other):
    masks = {"weak-fusion": "fusion", "weak-d3@untrained-bare": "d3@untrained-bare", "weak-d3@offline": "d3"}
    masks |= {"weak-salient-d3": "salient-d3", "semi8-d3": "d3"}
    found = {name: other.learnt_masks("mdc/seed0", Experiment.parse(name)) for name in (*masks, "true-masks")}
    expected = {name: [f"{RUN}/masks/mdc/seed0/{maps}/train.csv"] for name, maps in masks.items()}
    assert found == expected | {"true-masks": []}


def test_a_segmenter_is_neither_validated_nor_scored_on_true_masks_that_it_learns_from(other):
    found = {name: other.validated_on(Experiment.parse(name)) for name in ("weak-d3", "semi5-d3", "semi8-d3")}
    val = [f"{RUN}/data/val.csv"]
    assert found == {"weak-d3": val, "semi5-d3": val, "semi8-d3": []}  # strong.with_val is 8
    with pytest.raises(InputError, match="semi8-d3 learns from the true masks of val, so it has no score on val"):
        other.scored("mdc/seed0", Experiment.parse("semi8-d3"), "val")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("pseudo-salient-d3", "masks/mdc/seed0/salient-d3/val.csv"),
        ("pseudo-d3@untrained-bare", "masks/mdc/seed0/d3@untrained-bare/val.csv"),
        ("weak-d3@offline", "predictions/mdc/seed0/weak-d3@offline/val.csv"),
        ("weak-d3@offline-crf", "crf/mdc/seed0/weak-d3@offline/val.csv"),
    ],
)
def test_the_masks_that_an_experiment_is_about(other, name, path):
    assert other.masks("mdc/seed0", Experiment.parse(name), "val") == f"{RUN}/{path}"
    assert other.scored("mdc/seed0", Experiment.parse(name), "val") == [f"{RUN}/{path}"]


def test_what_is_made_of_every_classifier_with_its_variants(other):
    masks = ["d1", "d3", "fusion", "mean", "d3@untrained-bare", "d3@best"]
    of_ablations = ["d1_2", "d1_3", "d1_4"]
    assert other.known_masks("fused") == masks + of_ablations
    assert other.known_masks("salient") == [f"salient-{name}" for name in (*masks[:4], *of_ablations)]
    mdc = ["weak-fusion", "weak-d3@untrained-bare", "weak-d3@offline", "weak-salient-d3", "semi8-d3"]
    assert other.every_weight() == [
        f"{RUN}/classifier/mdc/seed0/weights.pt",
        *(f"{RUN}/segmenter/mdc/seed0/{name}/weights.pt" for name in mdc),
        f"{RUN}/classifier/one/seed0/weights.pt",
        *(f"{RUN}/segmenter/one/seed0/{name}/weights.pt" for name in mdc[1:]),  # one map cannot be fused
    ]
    assert other.every_mask() == [
        *(f"{RUN}/masks/mdc/seed0/{name}/train.csv" for name in masks),
        *(f"{RUN}/masks/one/seed0/{name}/train.csv" for name in ("d3", "d3@untrained-bare", "d3@best")),
    ]


def test_the_sweep_by_which_the_best_threshold_is_chosen_is_that_of_the_masks_without_it(other):
    network = "one/seed0"
    assert other.sweeps(network) == [f"{RUN}/masks/one/seed0/{name}/sweep.csv" for name in ("d3", "d3@untrained-bare")]
    assert other.chosen_by(network, Experiment.of_masks("d3")) == []
    assert other.chosen_by(network, Experiment.of_masks("d3@best")) == [f"{RUN}/masks/one/seed0/d3/sweep.csv"]


def test_results_of_one_classifier(other):
    found = [name for name in shown(other.results()) if name.startswith("one/")]
    settings = ("weak-d3@untrained-bare", "weak-d3@offline", "weak-salient-d3")
    assert found == [
        "one/0/train/all-background",
        *(f"one/0/train/pseudo-{name}" for name in ("d3", "d3@untrained-bare", "d3@best", "salient-d3")),
        "one/0/val/all-background",
        *(f"one/0/val/{name}{crf}" for name in settings for crf in ("", "-crf")),
        "one/0/test/all-background",
        *(f"one/0/test/{name}{crf}" for name in (*settings, "semi8-d3") for crf in ("", "-crf")),  # it has val
    ]
    assert shown(other.table_results("table4")) == ["one/0/test/semi8-d3", "one/0/test/semi8-d3-crf"]


def test_seeds_are_trained_one_by_one_and_shown_together():
    found = plan(OTHER, {"seeds": [3, 0]})
    assert [str(network) for network in found.networks()] == ["mdc/seed3", "mdc/seed0", "one/seed3", "one/seed0"]
    figures = ("mdc/val/weak-fusion-crf", "one/val/weak-d3@untrained-bare-crf")
    found_figures = [name for name in found.paper_figures() if "classes" in name]
    assert found_figures == [f"{RUN}/figures/{name}.classes.png" for name in figures]
    assert [(one["classifier"], one["seed"]) for one in found.table_results("table3")[:2]] == [("mdc", 3), ("mdc", 0)]


# -- shards that are there ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "ending", "there", "made_of_it"),
    [
        ("masks/mdc/seed0/fusion/train", ".csv", "cams/mdc/seed0/main/train.{}-of-3.h5", 3),
        ("masks/mdc/seed0/fusion@untrained/train", ".csv", "cams/mdc/seed0/main/train.{}-of-3.h5", 2),
        ("crf/mdc/seed0/weak-d1/val", ".csv", "predictions/mdc/seed0/weak-d1/val.{}-of-3.h5", 3),
        ("predictions/mdc/seed0/weak-d1/val", ".h5", "predictions/mdc/seed0/weak-d1/val.{}-of-3.h5", 3),
        ("saliency/rbd/train", ".csv", "cams/mdc/seed0/main/train.{}-of-3.h5", 2),
    ],
)
def test_masks_have_the_shards_of_their_maps_and_the_crf_those_of_the_scores(stage, ending, there, made_of_it):
    for shard in range(3):
        path = Path("results/other", there.format(shard))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    files = [f"{RUN}/{stage}.{shard}-of-{made_of_it}{ending}" for shard in range(made_of_it)]
    assert plan(OTHER).shards(stage, ending) == files


def test_masks_of_another_method_are_of_no_maps():
    found = plan({"masks": {"external_masks": "masks"}, "segmenter": {"settings": ["weak-external"]}, "shards": 2})
    assert found.every_map("cams") == found.every_map("saliency") == []
    assert found.cams("mdc/seed0", "train") == []
    assert found.every_mask() == ["results/paper/masks/mdc/seed0/external/train.csv"]
    folder = "results/paper/masks/mdc/seed0/external"
    assert found.shards("masks/mdc/seed0/external/train", ".csv") == [f"{folder}/train.{i}-of-2.csv" for i in range(2)]
    assert found.every_weight() == ["results/paper/segmenter/mdc/seed0/weak-external/weights.pt"]


# -- what is asked for by name -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["mdc/weak-d2"], "mdc/weak-d2 needs maps that mdc lacks; it has d1, d3, d6, d9, fusion, mean"),
        (["mdc/weak-d1", "nope/weak-d1"], "nope/weak-d1: unknown classifier nope; known: mdc, same, stride16"),
        (["mdc/weak-salient-d1"], "weak-salient-d1 needs saliency maps, which this configuration does not use"),
        ([], "there is nothing to show"),
    ],
)
def test_rows_that_cannot_be_made_are_refused_with_what_there_is(rows, said):
    found = plan({"scores": {"table3": rows}, "saliency": {"source": "none"}})
    with pytest.raises(InputError, match=f"^scores.table3: {said}"):
        found.table_results("table3")


def test_the_segmenter_for_new_photos_is_of_the_first_classifier_and_seed():
    found = plan(OTHER, {"seeds": [3, 0], "export": {"setting": "weak-d3@offline"}, "predict": {"setting": "weak-d9"}})
    assert found.chosen_segmenter("export") == "mdc/seed3/weak-d3@offline"
    with pytest.raises(InputError, match="^predict.setting: unknown segmenter weak-d9; known: weak-fusion, "):
        found.chosen_segmenter("predict")


def test_a_submission_is_an_archive_per_seed(other):
    found = plan(OTHER, {"seeds": [0, 1], "submission": {"results": ["one/semi8-d3-crf"]}})
    assert found.submissions() == [f"{RUN}/submission/one/seed{seed}/semi8-d3-crf.tgz" for seed in (0, 1)]
    with pytest.raises(InputError, match="there are no test images"):
        plan().submissions()
