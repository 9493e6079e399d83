"""What the report shows, and that its captions state the settings of the configuration."""

from pathlib import Path

import pytest
import yaml
from tests.unit.overlays import merged

from mdc.report.captions import (
    TABLES,
    caption,
    figure_maps,
    figure_segmenters,
    figure_split,
    masks_sentences,
    saliency_note,
)

PAPER = yaml.safe_load((Path(__file__).parents[3] / "config" / "config.yaml").read_text())
VARIANTS = {
    "best": {"masks": {"threshold": "best"}},
    "bare": {"masks": {"background_conflict": "object", "class_conflict": "highest"}, "saliency": {"source": "none"}},
    "offline": {"segmenter": {"online_term": False}},
}


def config(**changes) -> dict:
    return merged(PAPER, {"variants": VARIANTS} | changes)


PSEUDO = (
    "from the fused maps, object above 0.3 of each map's maximum, background where saliency is below 0.06; pixels of "
    "object and background are left out, pixels of two classes are left out. "
)
RBD = "Saliency: made by rbd, which is built in, not the paper's saliency."
CRF = "CRF: 10 iterations; kernel over position 3 (3 px), over position and colour 4 (67 px, 3 grey levels)."


def test_a_prediction_tells_everything():
    found = caption(config(), classifier="mdc", seed=0, split="val", result="weak-fusion-crf")
    assert found == (
        "Result: ``weak-fusion-crf``. Classifier: ``mdc`` (dilations 1, 3, 6, 9, stride 8). Seed: 0. Images: val. "
        f"Pseudo masks: {PSEUDO}{RBD} {CRF}"
    )


def test_without_crf_and_of_pseudo_masks():
    assert caption(config(), result="weak-fusion").endswith("CRF: none.")
    masks = caption(config(), classifier="mdc", seed="1", split="train", result="pseudo-fusion")
    assert masks.endswith(f"Seed: 1. Images: train. Pseudo masks: {PSEUDO}{RBD}")


def test_what_all_results_share():
    found = caption(config(seeds=[0, 7]))
    assert found.startswith(
        "Classifier: ``mdc`` (dilations 1, 3, 6, 9, stride 8). Seeds: 0, 7. Pseudo masks: from each map setting,"
    )
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
        ("true-masks-crf", "Learnt from the true masks of the training images. CRF: 10 iterations"),
        ("weak-salient-d1", "Baseline masks: salient pixels, each of the tagged class with the highest map (``d1``)."),
        ("salient-mean", "(``mean``). Saliency: made by rbd"),
    ],
)
def test_settings_and_variants(result, words):
    assert words in caption(config(), classifier="mdc", seed=0, result=result)


def test_other_sources():
    assert masks_sentences(config(masks={"own_masks": "folder"}), "own") == "Pseudo masks: another method's."
    folder = config(saliency={"source": "folder", "missing": "rbd"})
    assert masks_sentences(folder, "d1").endswith(
        "from another model's maps in a folder, by rbd for images without one."
    )
    assert "above 0.5 in absolute terms" in masks_sentences(config(masks={"threshold": 0.5, "relative_to": "absolute"}))


def test_a_table_names_the_settings_whose_variant_has_another_saliency():
    settings = ["weak-fusion", "weak-fusion@best", "weak-fusion@bare"]
    assert saliency_note(config(), settings) == f"{RBD} weak-fusion@bare: Saliency: not used."
    assert saliency_note(config(), settings[:2]) == RBD


def test_what_the_figures_show():
    settings = ["true-masks", "weak-d1", "weak-fusion@best", "weak-fusion"]
    assert figure_segmenters(config(segmenter={"settings": settings}), "mdc") == ["weak-fusion"]
    assert figure_segmenters(config(segmenter={"settings": settings[:3]}), "mdc") == ["weak-d1"]
    assert figure_segmenters(config(segmenter={"settings": settings[:1]}), "mdc") == ["true-masks"]
    assert figure_segmenters(config(segmenter={"settings": []}), "mdc") == []
    assert figure_maps(config(), "mdc") == "fusion"
    assert figure_maps(config(classifier={"blocks": {"one": [3]}}), "one") == "d3"
    assert figure_split(config()) == figure_split(config(predictions={"splits": ["test", "val"]})) == "val"
    assert figure_split(config(predictions={"splits": ["test", "train"]})) == "test"
    assert figure_split(config(predictions={"splits": []})) == ""


def test_the_semi_supervised_segmenter_is_shown_beside_the_weak_one():
    trained = ["semi5-d1", "weak-fusion", "semi2913-fusion", "semi5-fusion", "semi9-fusion", "true-masks"]
    semi = config(segmenter={"settings": trained})
    assert figure_segmenters(semi, "mdc") == ["weak-fusion", "semi5-fusion"]  # the one that learns from val is not
    on_test = merged(semi, {"predictions": {"splits": ["test"]}})
    assert figure_segmenters(on_test, "mdc") == ["weak-fusion", "semi2913-fusion"]


def test_tables_have_a_category_and_a_name_of_their_own():
    assert TABLES["table3"][0].startswith("Table 3") and TABLES["table4"][0].startswith("Table 4")
    assert len({name for _, name in TABLES.values()}) == len(TABLES)
