"""Names of blocks, map settings and segmenters; where the starting weights come from."""

import pytest

from mdc.config.experiments import (
    block_names,
    classifier_blocks,
    classifiers,
    downloads_weights,
    known_settings,
    learns_from_val,
    map_settings,
    masks_of_setting,
    needs_classifier,
    networks_from_imagenet,
    output_stride,
    pseudo_settings,
    salient_settings,
    segmenter_settings,
    split_variant,
    splits_to_predict,
    strong_images,
    swept_masks,
    variant_config,
    vgg16_file,
    weights_source,
)

VARIANTS = {
    "best": {"masks": {"threshold": "best"}},
    "bare": {"masks": {"threshold": "best"}, "saliency": {"source": "none"}},
    "untrained": {"cams": {"network": "untrained"}},
    "offline": {"segmenter": {"online_term": False}},
}


def config(**changes) -> dict:
    return {
        "classifier": {
            "blocks": {"mdc": [1, 3, 6, 9], "same": [1, 1, 1, 1], "one": [3]},
            "ablations": {"coarse": {"output_stride": 16}, "two": {"blocks": [1, 2]}},
            "init": changes.get("classifier_init", "imagenet"),
            "weights": changes.get("classifier_weights", ""),
            "weights_input": "caffe_rgb",
        },
        "cams": {"own_maps": changes.get("own_maps", "")},
        "masks": {
            "own_masks": changes.get("own_masks", ""),
            "variants": changes.get("mask_variants", []),
            "threshold": 0.3,
        },
        "saliency": {"source": changes.get("saliency", "rbd")},
        "variants": VARIANTS,
        "backbone": {"output_stride": 8},
        "predictions": {"splits": ["val", "test"]},
        "scores": {"table3": ["mdc/weak-d1", "two/weak-d2", "two/weak-d9"], "table4": ["mdc/semi500-fusion"]},
        "segmenter": {
            "init": changes.get("init", "imagenet"),
            "weights": changes.get("weights", ""),
            "weights_input": "auto",
            "strong": {"with_val": changes.get("with_val", 2913)},
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


def test_segmenters_with_variants_and_of_the_baseline():
    settings = ["weak-d3@best", "weak-d9@best", "weak-salient-d3", "weak-salient-fusion", "true-masks@offline"]
    assert segmenter_settings(config(settings=settings), "one") == [
        "weak-d3@best",
        "weak-salient-d3",
        "true-masks@offline",
    ]


def test_ablations_differ_from_the_first_classifier_in_what_they_say():
    assert classifiers(config()) == ["mdc", "same", "one", "coarse", "two"]
    assert [classifier_blocks(config(), name) for name in ("same", "coarse", "two")] == [[1] * 4, [1, 3, 6, 9], [1, 2]]
    assert [output_stride(config(), name) for name in ("mdc", "coarse", "two")] == [8, 16, 8]
    assert map_settings(config(), "two") == ["d1", "d2", "fusion", "mean"]
    both = config()
    both["classifier"]["blocks"]["coarse"] = [3]  # a classifier of the run comes first
    assert classifiers(both).count("coarse") == 1
    assert classifier_blocks(both, "coarse") == [3] and output_stride(both, "coarse") == 8


def test_rows_of_tables_can_be_asked_for_where_the_maps_are_there():
    assert known_settings(config(), "two") == ["weak-fusion", "true-masks", "weak-d2"]  # it has no d9
    asked = ["weak-d9", "weak-fusion", "true-masks", "weak-d1", "semi500-fusion"]
    assert known_settings(config(), "mdc") == asked


@pytest.mark.parametrize(
    ("setting", "images", "learns"),
    [
        ("semi500-fusion", 500, False),
        ("semi2913-fusion@offline", 2913, True),
        ("weak-fusion", 0, False),
        ("true-masks", 0, False),
    ],
)
def test_strong_images_of_a_setting_and_whether_they_are_those_of_val(setting, images, learns):
    assert strong_images(setting) == images
    assert learns_from_val(config(), setting) is learns
    assert not learns_from_val(config(with_val=0), setting)
    assert splits_to_predict(config(), setting) == (["test"] if learns else ["val", "test"])


def test_a_setting_and_its_variant():
    assert split_variant("weak-fusion@no-online") == ("weak-fusion", "no-online")
    assert split_variant("weak-fusion") == ("weak-fusion", "")


def test_a_variant_changes_its_keys_and_no_other():
    found = variant_config(config(), "fusion@bare")
    assert found["masks"] == {"own_masks": "", "variants": [], "threshold": "best"}
    assert found["saliency"] == {"source": "none"}
    assert found["segmenter"] == config()["segmenter"]
    assert variant_config(config(), "fusion") == config()


@pytest.mark.parametrize(
    ("setting", "masks"),
    [
        ("weak-d1", "d1"),
        ("weak-d1@best", "d1@best"),
        ("weak-d1@untrained", "d1@untrained"),
        ("weak-d1@offline", "d1"),  # trains otherwise on the same masks
        ("weak-salient-fusion", "salient-fusion"),
        ("weak-salient-fusion@offline", "salient-fusion"),
        ("semi500-fusion@best", "fusion@best"),
        ("semi28-d1_2", "d1_2"),
    ],
)
def test_the_masks_of_a_segmenter(setting, masks):
    assert masks_of_setting(config(), setting) == masks


def test_a_variant_of_the_threshold_alone_shares_the_sweep():
    sweeps = [swept_masks(config(), maps) for maps in ("d1", "d1@best", "d1@bare", "d1@untrained")]
    assert sweeps == ["d1", "d1", "d1@bare", "d1@untrained"]


def test_pseudo_masks_are_those_of_all_maps_and_the_variants_asked_for():
    asked = config(settings=["weak-d3@bare", "weak-d3@offline"], mask_variants=["d3@best", "d9@best", "d3@bare"])
    assert pseudo_settings(asked, "one") == ["d3", "d3@bare", "d3@best"]


def test_baseline_masks_need_saliency():
    assert salient_settings(config(), "one") == ["salient-d3"]
    assert salient_settings(config(saliency="none"), "one") == []
    assert salient_settings(config(own_masks="masks"), "one") == []
    assert salient_settings(config(settings=["weak-salient-d3@best"]), "one") == ["salient-d3", "salient-d3@best"]


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


@pytest.mark.parametrize(
    ("changes", "networks", "downloaded"),
    [
        ({}, ["classifier", "segmenter"], True),
        ({"classifier_weights": "a.pth"}, ["classifier", "segmenter"], False),
        ({"weights": "b.pth"}, ["classifier", "segmenter"], True),
        ({"classifier_init": "file", "classifier_weights": "a.pt"}, ["segmenter"], True),
        ({"classifier_init": "random"}, ["segmenter"], True),
        ({"classifier_init": "random", "init": "classifier"}, [], False),
        ({"init": "classifier", "classifier_weights": "a.pth"}, ["classifier"], False),
        ({"own_maps": "maps.h5"}, ["segmenter"], True),  # no classifier is trained
        ({"settings": []}, ["classifier"], True),
        ({"own_masks": "masks", "settings": []}, [], False),
    ],
)
def test_weights_are_downloaded_for_networks_that_start_from_imagenet_without_a_file(changes, networks, downloaded):
    assert networks_from_imagenet(config(**changes)) == networks
    assert downloads_weights(config(**changes)) is downloaded


def test_the_segmenter_takes_the_classifiers_file_and_its_input_unless_it_has_its_own():
    assert vgg16_file(config(classifier_weights="a.pth"), "segmenter") == ("a.pth", "caffe_rgb")
    assert vgg16_file(config(classifier_weights="a.pth", weights="b.pth"), "segmenter") == ("b.pth", "auto")
    assert vgg16_file(config(weights="b.pth"), "classifier") == ("", "caffe_rgb")
    other_init = config(classifier_weights="a.pt", classifier_init="file")
    assert vgg16_file(other_init, "segmenter") == ("", "auto")


def test_weights_come_from_torchvision_unless_the_config_names_others():
    def source(**changes):
        section = {"enum": "IMAGENET1K_FEATURES", "urls": [], "hash": ""} | changes
        return weights_source({"downloads": {"weights": section}})

    torchvisions = "https://download.pytorch.org/models/vgg16_features-amdegroot-88682ab5.pth"
    assert source() == {"urls": [torchvisions], "hash": "sha256:88682ab5"}
    assert source(urls=["http://mirror/a"]) == {"urls": ["http://mirror/a"], "hash": "sha256:88682ab5"}
    assert source(hash="md5:12345678")["hash"] == "md5:12345678"
