"""Names of blocks, map settings and segmenters."""

import pytest

from mdc.settings import block_names, map_settings, needs_classifier, segmenter_settings


def config(**changes) -> dict:
    return {
        "classifier": {"blocks": {"mdc": [1, 3, 6, 9], "same": [1, 1, 1, 1], "one": [3]}},
        "cams": {"own_maps": changes.get("own_maps", "")},
        "masks": {"own_masks": changes.get("own_masks", "")},
        "segmenter": {
            "init": changes.get("init", "imagenet"),
            "settings": changes.get("settings", ["weak-d9", "weak-fusion", "true-masks", "weak-d1_2", "weak-own"]),
        },
    }


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


def test_map_settings_are_the_blocks_fusion_and_mean():
    assert map_settings(config(), "mdc") == ["d1", "d3", "d6", "d9", "fusion", "mean"]
    assert map_settings(config(), "one") == ["d3"]
    assert map_settings(config(own_masks="masks"), "mdc") == ["own"]


def test_segmenters_are_those_whose_maps_the_classifier_has():
    assert segmenter_settings(config(), "mdc") == ["weak-d9", "weak-fusion", "true-masks"]
    assert segmenter_settings(config(), "same") == ["weak-fusion", "true-masks", "weak-d1_2"]
    assert segmenter_settings(config(), "one") == ["true-masks"]
    assert segmenter_settings(config(own_masks="masks"), "mdc") == ["true-masks", "weak-own"]


@pytest.mark.parametrize(
    ("changes", "needed"),
    [
        ({}, True),
        ({"own_maps": "maps.h5"}, False),
        ({"own_masks": "masks"}, False),
        ({"own_maps": "maps.h5", "init": "classifier"}, True),
    ],
)
def test_a_classifier_is_needed_unless_maps_or_masks_are_given(changes, needed):
    assert needs_classifier(config(**changes)) is needed
