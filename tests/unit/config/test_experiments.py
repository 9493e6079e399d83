"""Names of experiments, and what follows from a name: masks, sweeps, splits, blocks."""

import pytest

from mdc.config.config import Config
from mdc.config.experiments import Experiment, block_names, map_settings

from .configs import VARIANTS, over_the_paper

CONFIG = Config.model_validate(over_the_paper({"variants": VARIANTS, "predictions": {"splits": ["val", "test"]}}))

NAMES = {  # name -> its parts beside the empty ones
    "weak-fusion": {"kind": "weak", "producer": "fused", "maps": "fusion"},
    "weak-d1_2": {"kind": "weak", "producer": "fused", "maps": "d1_2"},
    "weak-salient-d3": {"kind": "weak", "producer": "salient", "maps": "d3"},
    "weak-external": {"kind": "weak", "producer": "external"},
    "weak-densecrf-d3": {"kind": "weak", "producer": "densecrf", "maps": "d3"},
    "semi9-pamr-fusion": {"kind": "semi", "producer": "pamr", "maps": "fusion", "strong": 9},
    "weak-salient-external": {"kind": "weak", "producer": "salient", "maps": "external"},  # no map is called so
    "semi500-d3": {"kind": "semi", "producer": "fused", "maps": "d3", "strong": 500},
    "semi28-salient-fusion": {"kind": "semi", "producer": "salient", "maps": "fusion", "strong": 28},
    "semi1-external": {"kind": "semi", "producer": "external", "strong": 1},
    "true-masks": {"kind": "true-masks"},
    "all-background": {"kind": "all-background"},
    "pseudo-mean": {"kind": "pseudo", "producer": "fused", "maps": "mean"},
    "pseudo-salient-mean": {"kind": "pseudo", "producer": "salient", "maps": "mean"},
    "pseudo-external": {"kind": "pseudo", "producer": "external"},
}
AFTER = {
    "": {},
    "@best": {"variant": "best"},
    "@no-online2": {"variant": "no-online2"},
    "-crf": {"crf": True},
    "@no-online-crf": {"variant": "no-online", "crf": True},
}


@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("name", NAMES)
def test_a_name_has_its_parts_and_they_make_the_name(name, after):
    experiment = Experiment.parse(name + after)
    assert experiment == Experiment(**NAMES[name], **AFTER[after])
    assert str(experiment) == name + after
    assert str(experiment.base) == name + "-crf" * experiment.crf
    assert str(experiment.setting) == name + after.removesuffix("-crf")


@pytest.mark.parametrize(
    "name",
    [
        *("", "weak", "weak-", "weak-D1", "weak-d1-d2", "weak-fused-d1", "semi-d1", "semi0-d1", "semi05-d1"),
        *("true-masks-d1", "strong-d1", "salient-d1", "d1", "pseudo5-d1", "true_masks", "weak-d1 ", "weak-d1\n"),
        *("weak-d1@", "weak-d1@a--b", "weak-d1@-a", "weak-d1@a@b", "weak-d1@A", "weak-d1-crf-crf", "weak-d1-crf@best"),
    ],
)
def test_what_is_no_name_is_said_to_be_none(name):
    with pytest.raises(ValueError) as error:
        Experiment.parse(name)
    assert str(error.value) == f"{name} is not the name of an experiment"


@pytest.mark.parametrize(
    ("name", "masks"),
    [
        ("weak-d1", "pseudo-d1"),
        ("weak-d1@best", "pseudo-d1@best"),
        ("weak-d1@offline", "pseudo-d1"),  # trains otherwise on the same masks
        ("weak-salient-fusion", "pseudo-salient-fusion"),
        ("semi500-fusion@best", "pseudo-fusion@best"),
        ("weak-external@offline", "pseudo-external"),
        ("pseudo-d1@best", "pseudo-d1@best"),
        ("true-masks@best", None),
        ("all-background", None),
    ],
)
def test_the_masks_of_an_experiment(name, masks):
    found = Experiment.parse(name).masks(CONFIG)
    assert found == (masks and Experiment.parse(masks))


def test_a_variant_of_the_threshold_alone_shares_the_sweep():
    names = ("d1", "d1@best", "d1@bare", "d1@other-fusion", "d1@untrained", "salient-d1")
    swept = [Experiment.of_masks(name).swept(CONFIG).masks_name for name in names]
    assert swept == ["d1", "d1", "d1@bare", "d1@other-fusion", "d1@untrained", "salient-d1"]


@pytest.mark.parametrize(
    ("name", "learns"),
    [
        ("semi500-fusion", False),
        ("semi2913-fusion@offline", True),
        ("weak-fusion", False),
        ("true-masks", False),
    ],
)
def test_what_has_learnt_from_val_is_judged_on_test_alone(name, learns):
    experiment = Experiment.parse(name)
    assert experiment.learns_from_val(CONFIG) is learns
    assert experiment.splits(CONFIG) == (["test"] if learns else ["val", "test"])
    never = Config.model_validate(over_the_paper({"segmenter": {"strong": {"with_val": 0}}}))
    assert not experiment.learns_from_val(never)


@pytest.mark.parametrize(
    ("dilations", "names"),
    [
        ([1, 3, 6, 9], ["d1", "d3", "d6", "d9"]),
        ([1, 1, 1, 1], ["d1", "d1_2", "d1_3", "d1_4"]),
        ([1, 12, 1, 12], ["d1", "d12", "d1_2", "d12_2"]),
    ],
)
def test_block_names(dilations, names):
    assert block_names(dilations) == names
    assert map_settings(dilations) == [*names, "fusion", "mean"]


def test_of_one_block_there_is_nothing_to_fuse():
    assert map_settings([3]) == ["d3"]
