"""What the report shows, and that its captions state the settings of the configuration."""

from typing import Any

import pytest

from mdc.config.config import Config
from mdc.config.experiments import Experiment
from mdc.config.plan import TABLES, Plan
from mdc.report.captions import (
    caption,
    classifiers_sentence,
    masks_sentences,
    saliency_note,
    segmenter_sentence,
    segmenters_note,
)
from mdc.saliency.threshold import WITHOUT_OBJECTS

VARIANTS = {
    "best": {"masks": {"threshold": "best"}},
    "bare": {"masks": {"background_conflict": "object", "class_conflict": "highest"}, "saliency": {"source": "none"}},
    "offline": {"segmenter": {"online_term": False}},
}


def config(**changes: Any) -> Config:
    """Return the paper's configuration with three variants and these changes."""
    return Config.model_validate({"variants": VARIANTS} | changes)


PSEUDO = (
    "from the fused maps, object above 0.3 of each map's maximum, background where saliency is below 0.06; pixels of "
    "object and background are left out, pixels of two classes are left out. "
)
RBD = "Saliency: made by rbd, which is built in, not the paper's saliency."
CRF = "CRF: 10 iterations; kernel over position 3 (3 px), over position and colour 4 (67 px, 3 grey levels)."


MDC = "``mdc`` (VGG16, from pretrained weights ``IMAGENET1K_V1``; dilations 1, 3, 6, 9, stride 8)"
LARGEFOV = "Segmenter: LargeFOV on VGG16, from pretrained weights ``IMAGENET1K_V1``."


def test_a_prediction_tells_everything():
    found = caption(config(), classifier="mdc", seed=0, split="val", result="weak-fusion-crf")
    assert found == (
        f"Result: ``weak-fusion-crf``. Classifier: {MDC}. Seed: 0. Images: val. {LARGEFOV} Pseudo masks: {PSEUDO}{RBD} "
        f"{CRF}"
    )


def test_without_crf_and_of_pseudo_masks():
    assert caption(config(), result="weak-fusion").endswith("CRF: none.")
    masks = caption(config(), classifier="mdc", seed="1", split="train", result="pseudo-fusion")
    assert masks.endswith(f"Seed: 1. Images: train. Pseudo masks: {PSEUDO}{RBD}")


def test_what_all_results_share():
    found = caption(config(seeds=[0, 7]))
    assert found.startswith(f"Classifier: {MDC}. Seeds: 0, 7. {LARGEFOV} Pseudo masks: from each map setting,")
    assert found.endswith(CRF)
    assert caption(config(), classifier="mdc", seed=0, tells=[]).endswith("Seed: 0.")
    assert caption(config(), result="all-background").endswith("Seed: 0.")


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ("weak-d3", "from block ``d3``, object above 0.3"),
        ("weak-mean", "from the blocks' mean map, object"),
        ("weak-fusion@offline", f"Pseudo masks: {PSEUDO}"),  # that variant has the same masks
        ("weak-fusion@best", "(variant ``best``): from the fused maps, object above the threshold that fits the"),
        ("weak-fusion@bare", "background where all maps are at most 0.1 of their maximum; pixels of object and "),
        (
            "weak-fusion@bare",
            "background go to object, pixels of two classes go to the highest map. Saliency: not used.",
        ),
        ("semi500-fusion", f"Pseudo masks: {PSEUDO}{RBD} True masks of 500 images, instead of their pseudo masks."),
        ("true-masks-crf", "Trained on the true masks of the training images. CRF: 10 iterations"),
        ("weak-salient-d1", "Baseline masks: salient pixels, each of the tagged class with the highest map (``d1``)."),
        (
            "weak-densecrf-fusion",
            "masks: from the fused maps, confident objects and background refined by a dense CRF as ",
        ),
        ("weak-pamr-d3", f"block ``d3``, refined by pixel-adaptive mask refinement. {RBD}"),
        (
            "pseudo-salient-mean",
            "(``mean``). Salient is what reaches the threshold that fits the training images' true masks best, or "
            f"{WITHOUT_OBJECTS:g} where these show no object. {RBD}",
        ),
    ],
)
def test_settings_and_variants(result, words):
    assert words in caption(config(), classifier="mdc", seed=0, result=result)


def test_networks_are_named_with_what_they_start_from():
    slim = config(
        encoder={"name": "vgg", "widths": [8] * 5, "depths": [1] * 5, "norm": "batch"},
        classifier={"init": "random"},
        segmenter={"init": "classifier", "encoder": {"name": "vgg"}},
    )
    words = "VGG of widths 8 8 8 8 8, depths 1 1 1 1 1 and norm batch"
    assert classifiers_sentence(slim, ["mdc", "same"]) == (
        f"Classifiers: ``mdc`` ({words}, from random weights; dilations 1, 3, 6, 9, stride 8); "
        f"``same`` ({words}, from random weights; dilations 1, 1, 1, 1, stride 8)."
    )
    assert segmenter_sentence(slim) == f"Segmenter: LargeFOV on {words}, from the classifier's encoder."
    own = config(encoder={"name": "vgg", "weights": "a.pth"}, segmenter={"init": "file", "weights": "b.pt"})
    assert "(VGG16, from pretrained weights ``a.pth``; dil" in classifiers_sentence(own, ["mdc"])
    settings = [Experiment.parse(name) for name in ("weak-fusion", "weak-fusion@best", "weak-fusion@fresh")]
    fresh = config(variants=VARIANTS | {"fresh": {"segmenter": {"init": "random"}}})
    assert segmenters_note(fresh, settings) == (
        f"{LARGEFOV} weak-fusion@fresh: Segmenter: LargeFOV on VGG16, from random weights."
    )


def test_other_sources():
    external = Experiment.of_masks("external")
    assert masks_sentences(config(masks={"external_masks": "folder"}), external) == "Pseudo masks: another method's."
    folder = config(saliency={"source": "folder", "missing": "rbd"})
    assert masks_sentences(folder, Experiment.of_masks("d1")).endswith(
        "from another model's maps in a folder, by rbd for images without one."
    )
    varied = config(
        saliency={"folder": "maps", "missing": "rbd"}, variants={"theirs": {"saliency": {"source": "folder"}}}
    )
    settings = [Experiment.parse(name) for name in ("weak-fusion", "weak-fusion@theirs")]
    assert saliency_note(varied, settings) == (
        f"{RBD} weak-fusion@theirs: Saliency: from another model's maps in a folder, by rbd for images without one."
    )
    assert "above 0.5 in absolute terms" in masks_sentences(config(masks={"threshold": 0.5, "relative_to": "absolute"}))


def test_a_table_names_the_settings_whose_variant_has_another_saliency():
    settings = [Experiment.parse(name) for name in ("weak-fusion", "weak-fusion@best", "weak-fusion@bare")]
    assert saliency_note(config(), settings) == f"{RBD} weak-fusion@bare: Saliency: not used."
    assert saliency_note(config(), settings[:2]) == RBD


@pytest.mark.parametrize(
    ("trained", "splits", "expected"),
    [
        (["weak-d1", "weak-fusion@best", "weak-fusion"], ["val"], ["weak-fusion"]),
        (["weak-d1", "weak-fusion@best"], ["val"], ["weak-d1"]),
        (["semi5-d1", "weak-fusion", "semi2913-fusion", "semi5-fusion"], ["val"], ["weak-fusion", "semi5-fusion"]),
        (["semi5-d1", "weak-fusion", "semi2913-fusion"], ["test"], ["weak-fusion", "semi2913-fusion"]),
        ([], ["val"], []),
    ],
)
def test_variants_are_not_shown_first_and_what_learns_from_val_is_shown_on_test_alone(trained, splits, expected):
    plan = Plan(config(segmenter={"settings": trained}, predictions={"splits": splits}))
    assert list(map(str, plan.shown_segmenters("mdc"))) == expected


def test_tables_have_a_category_and_a_name_of_their_own():
    assert TABLES["table3"][0].startswith("Table 3") and TABLES["table4"][0].startswith("Table 4")
    assert len({name for _, name in TABLES.values()}) == len(TABLES)
