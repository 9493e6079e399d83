"""What the report shows, and that its captions state the settings of the configuration."""

from typing import Any

import pytest

from mdc.config.config import Config
from mdc.config.plan import Plan
from mdc.report.captions import (
    caption,
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


def test_another_head_is_named():
    found = caption(config(segmenter={"head": "plain"}), classifier="mdc", seed=0, result="true-masks-crf")
    assert "Segmenter: a 1x1 convolution on VGG16, from pretrained weights" in found


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
