"""What follows from the keys: classifiers, their encoders and maps, segmenters, pseudo masks."""

import pytest

from mdc.config import parameters
from mdc.config.config import Config
from mdc.config.experiments import Experiment

from .configs import VARIANTS, over_the_paper

NETWORKS = {"mdc": [1, 3, 6, 9], "same": [1, 1, 1, 1], "one": [3]}
ABLATIONS = {"same": None, "stride16": None, "coarse": {"encoder": {"output_stride": 16}}, "two": [1, 2]}
SCORES = {"table3": ["mdc/weak-d1", "two/weak-d2", "two/weak-d9"], "table4": ["mdc/semi500-fusion"]}
SETTINGS = ["weak-d9", "weak-fusion", "true-masks", "weak-d1_2", "weak-external"]


def config(*overlays: dict) -> Config:
    """Return a configuration of three classifiers and two ablations, unchecked."""
    values = over_the_paper({"classifier": {"networks": NETWORKS}, "variants": VARIANTS, "scores": SCORES})
    values["classifier"]["ablations"] = {name: keys for name, keys in ABLATIONS.items() if keys}
    values["segmenter"]["settings"] = SETTINGS
    for overlay in overlays:
        for section, changes in overlay.items():
            values[section] |= changes
    return Config.model_validate(values)


EXTERNAL_MASKS = {"masks": {"external_masks": "masks"}}
EXTERNAL_MAPS = {"cams": {"external_maps": "maps.h5"}}


def names(experiments: list[Experiment]) -> list[str]:
    return [str(experiment) for experiment in experiments]


def test_ablations_differ_from_the_first_classifier_in_what_they_say():
    found = config()
    assert found.classifiers == ["mdc", "same", "one", "coarse", "two"]
    assert [found.dilations(name) for name in ("same", "coarse", "two")] == [[1] * 4, [1, 3, 6, 9], [1, 2]]
    assert [found.stride(name) for name in ("mdc", "coarse", "two")] == [8, 16, 8]
    assert found.map_settings("two") == ["d1", "d2", "fusion", "mean"]


def test_encoders_have_what_differs_on_top_of_the_runs():
    slim = {"encoder": {"name": "vgg", "norm": "batch", "output_stride": 4, "conv5_dilation": 3}}
    found = config(slim, {"segmenter": {"encoder": {"norm": "group"}}})
    keys = {name: found.encoder_keys("classifier", name) for name in ("mdc", "coarse")}
    assert [(one.norm, one.output_stride) for one in keys.values()] == [("batch", 4), ("batch", 16)]
    assert found.encoder_keys("segmenter", "coarse").norm == "group"
    assert [found.stride(name) for name in ("mdc", "coarse")] == [4, 16]
    assert found.encoder_keys("segmenter", "mdc").stride("segmenter") == 4
    # the segmenter has the dilation of DeepLab, so that the key is none of its network's
    assert parameters.network_keys(found, "classifier", "mdc")["encoder"]["conv5_dilation"] == 3
    assert "conv5_dilation" not in parameters.network_keys(found, "segmenter", "mdc")["encoder"]


@pytest.mark.parametrize(
    ("overlays", "classifier", "settings"),
    [
        ([], "mdc", ["d1", "d3", "d6", "d9", "fusion", "mean"]),
        ([], "one", ["d3"]),
        ([EXTERNAL_MAPS], "one", ["d3"]),
        ([EXTERNAL_MASKS], "mdc", []),
    ],
)
def test_the_maps_of_a_classifier(overlays, classifier, settings):
    assert config(*overlays).map_settings(classifier) == settings


@pytest.mark.parametrize(
    ("overlays", "classifier", "settings"),
    [
        ([], "mdc", ["weak-d9", "weak-fusion", "true-masks"]),
        ([], "same", ["weak-fusion", "true-masks", "weak-d1_2"]),
        ([], "one", ["true-masks"]),
        ([EXTERNAL_MASKS], "mdc", ["true-masks", "weak-external"]),
        (
            [{"segmenter": {"settings": ["weak-d3@best", "weak-d9@best", "weak-salient-d3", "true-masks@offline"]}}],
            "one",
            ["weak-d3@best", "weak-salient-d3", "true-masks@offline"],
        ),
    ],
)
def test_segmenters_are_those_whose_masks_the_classifier_can_make(overlays, classifier, settings):
    assert names(config(*overlays).segmenters(classifier)) == settings


@pytest.mark.parametrize(
    ("overlays", "masks"),
    [
        ([], ["d3", "salient-d3"]),
        ([{"saliency": {"source": "none"}}], ["d3"]),
        ([EXTERNAL_MASKS], ["external"]),
        (
            [
                {"segmenter": {"settings": ["weak-d3@bare", "weak-d3@offline", "weak-salient-d3@best", "weak-d9"]}},
                {"masks": {"variants": ["d3@best", "d9@best", "d3@bare"]}},
            ],
            ["d3", "d3@bare", "d3@best", "salient-d3", "salient-d3@best"],
        ),
        (
            [{"segmenter": {"settings": ["weak-densecrf-d3"]}}, {"masks": {"variants": ["pamr-d3", "d3"]}}],
            ["densecrf-d3", "d3", "pamr-d3", "salient-d3"],
        ),
        ([{"masks": {"compare_maps": False, "variants": ["pamr-d3"]}}], ["d3", "pamr-d3"]),
    ],
)
def test_pseudo_masks_are_those_compared_learnt_from_and_asked_for(overlays, masks):
    assert [experiment.masks_name for experiment in config(*overlays).pseudo_masks("one")] == masks


def test_a_variant_changes_its_keys_and_no_other():
    base, found = config(), config().varied("bare")
    assert (found.masks.threshold, found.saliency.source) == ("best", "none")
    expected = base.model_dump()
    expected["masks"]["threshold"], expected["saliency"]["source"] = "best", "none"
    assert found.model_dump() == expected
    assert base.varied("") is base


def test_rules_are_told_only_what_they_depend_on():
    found = config({"masks": {"background_below": 0.2}, "segmenter": {"settings": SETTINGS, "strong": {"share": 0.5}}})
    recipe = {"threshold": 0.3, "relative_to": "max", "background_saliency_below": 0.06, "background_below": 0}
    recipe |= {"background_conflict": "ignore", "class_conflict": "ignore"}
    assert parameters.recipe(found, Experiment.of_masks("fusion")) == recipe
    bare = recipe | {"threshold": "best", "background_saliency_below": 0, "background_below": 0.2}
    assert parameters.recipe(found, Experiment.of_masks("fusion@bare")) == bare
    swept = {key: value for key, value in bare.items() if key != "threshold"}
    assert parameters.sweep_recipe(found, Experiment.of_masks("fusion@bare")) == swept
    plain = {"scales": [1], "flip": False}
    assert parameters.maps_settings(found, "main") == parameters.maps_settings(found, "untrained") == plain
    semi, weak = (
        parameters.segmenter_settings(found, Experiment.parse(name)) for name in ("semi500-d1", "weak-d1@offline")
    )
    assert (semi["strong_share"], semi["online_term"]) == (0.5, True)
    assert (weak["strong_share"], weak["online_term"]) == (0, False)
    assert {name for name in semi if semi[name] != weak[name]} == {"strong_share", "online_term"}


def test_the_input_that_weights_expect_is_told_only_where_there_are_some():
    keys = {"encoder": {"name": "vgg", "weights": "a.pth", "weights_input": "caffe_bgr"}}
    pretrained = parameters.network_keys(config(keys), "classifier", "mdc")["encoder"]
    scratch = parameters.network_keys(config(keys, {"classifier": {"init": "random"}}), "classifier", "mdc")["encoder"]
    assert pretrained["weights_input"] == "caffe_bgr"
    assert scratch == {key: value for key, value in pretrained.items() if key != "weights_input"}
    assert "weights" not in pretrained
