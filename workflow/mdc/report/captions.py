"""What the report shows, in which categories, and what its captions say, told from the configuration."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from mdc.config.experiments import (
    classifier_blocks,
    learns_from_val,
    map_settings,
    masks_of_setting,
    output_stride,
    segmenter_settings,
    split_variant,
    strong_images,
    variant_config,
)

SALIENCY = {
    "rbd": "made by rbd, which is built in, not the paper's saliency",
    "folder": "from another model's maps in a folder",
    "none": "not used",
    "truth": "replaced by the true masks' objects, which no weak method has",
}
TABLES = {  # name of a table of scores -> its category in the report, and what it is called there
    "table3": ("Table 3: map settings", "table 3"),
    "table4": ("Table 4: strong and weak images", "table 4"),
    "segmenters": ("Scores", "segmenters"),
    "summary": ("Scores", "all results"),
    "per_class": ("Scores", "all results by class"),
    "best_thresholds": ("Pseudo masks", "best thresholds"),
}
EVERYTHING = ("masks", "crf")


def figure_maps(config: Mapping[str, Any], classifier: str) -> str:
    """Return the map setting that figure 5 ends with: `fusion`, or what there is of a classifier of one block."""
    maps = map_settings(config, classifier)
    return "fusion" if "fusion" in maps else maps[0]


def figure_segmenters(config: Mapping[str, Any], classifier: str) -> list[str]:
    """Return the segmenters that figures show: a weak one, `weak-fusion` if it is trained, and a semi-supervised one.

    Of several semi-supervised ones the first on fused maps, else the first. `true-masks` only where there is no other.
    """
    on_val = figure_split(config) == "val"
    trained = [
        name for name in segmenter_settings(config, classifier) if not (on_val and learns_from_val(config, name))
    ]
    shown = []
    for kind in ("weak", "semi"):
        found = [name for name in trained if name.startswith(kind)]
        fused = [name for name in found if name.split("-", 1)[1] == "fusion"]
        shown += (fused or found)[:1]
    return shown or trained[:1]


def figure_split(config: Mapping[str, Any]) -> str:
    """Return the split whose predictions figures show: val, else the first that is predicted; empty for none."""
    splits = config["predictions"]["splits"]
    return "val" if "val" in splits else next(iter(splits), "")


def caption(
    config: Mapping[str, Any],
    *,
    classifier: str | Sequence[str] = "",
    seed: object = "",
    split: str = "",
    result: str = "",
    tells: Collection[str] = EVERYTHING,
) -> str:
    """Return sentences in reStructuredText: classifier, seed, split, maps, threshold, saliency and CRF behind a result.

    Args:
        classifier: one or several names; empty tells all of `classifier.blocks`.
        seed: empty tells all of the run.
        split: train, val or test; empty says nothing of it.
        result: as in `results/README.md`; empty tells what all results share.
        tells: `masks` for the pseudo masks and `crf` for the CRF behind a segmenter's result.
    """
    names = [classifier] if isinstance(classifier, str) else list(classifier)
    names = list(config["classifier"]["blocks"]) if names == [""] else names
    networks = "; ".join(
        f"``{name}`` (dilations {', '.join(map(str, classifier_blocks(config, name)))}, stride "
        f"{output_stride(config, name)})"
        for name in names
    )
    seeds = [seed] if str(seed) else config["seeds"]
    sentences = [
        *([f"Result: ``{result}``."] if result else []),
        f"{'Classifier' if len(names) == 1 else 'Classifiers'}: {networks}.",
        f"{'Seed' if len(seeds) == 1 else 'Seeds'}: {', '.join(map(str, seeds))}.",
        *([f"Images: {split}."] if split else []),
    ]
    setting = result.removesuffix("-crf")
    is_segmenter = not setting.startswith(("pseudo-", "salient-", "all-background"))
    if "masks" in tells and setting != "all-background":
        masks = masks_of_setting(config, setting) if is_segmenter else setting.removeprefix("pseudo-")
        sentences.append(masks_sentences(config, masks))
        if strong_images(setting):
            of_val = ", those of val among them" if learns_from_val(config, setting) else ""
            sentences.append(f"True masks of {strong_images(setting)} images{of_val}, instead of their pseudo masks.")
    if "crf" in tells and is_segmenter:
        sentences.append("CRF: none." if setting and setting == result else crf_sentence(config))
    return " ".join(sentences)


def masks_sentences(config: Mapping[str, Any], masks: str = "") -> str:
    """Return how masks to learn from are made: maps, threshold, conflicts, saliency; empty for all map settings."""
    base, variant = split_variant(masks)
    if base == "true-masks":
        return "Learnt from the true masks of the training images."
    if config["masks"]["own_masks"]:
        return "Pseudo masks: another method's."
    section, source = variant_config(config, masks)["masks"], variant_config(config, masks)["saliency"]["source"]
    saliency = saliency_sentence(config, masks)
    if base.startswith("salient-"):
        maps = base.removeprefix("salient-")
        return f"Baseline masks: salient pixels, each of the tagged class with the highest map (``{maps}``). {saliency}"
    maps = {"": "each map setting", "fusion": "the fused maps", "mean": "the blocks' mean map"}.get(
        base, f"block ``{base}``"
    )
    threshold = section["threshold"]
    if threshold == "best":
        threshold = "the threshold that fits the training images' true masks best"
    unit = "of each map's maximum" if section["relative_to"] == "max" else "in absolute terms"
    if source == "none":
        background = f"where all maps are at most {section['background_below']} of their maximum"
    else:
        background = f"where saliency is below {section['background_saliency_below']}"
    return (
        f"Pseudo masks{f' (variant ``{variant}``)' if variant else ''}: from {maps}, object above {threshold} {unit}, "
        f"background {background}; {_conflict(section['background_conflict'], 'object and background')}, "
        f"{_conflict(section['class_conflict'], 'two classes')}. {saliency}"
    )


def saliency_sentence(config: Mapping[str, Any], setting: str = "") -> str:
    """Return where the background cue of a setting comes from, as its variant has it."""
    section = variant_config(config, setting)["saliency"]
    by_rbd = section["source"] == "folder" and section["missing"] == "rbd"
    return f"Saliency: {SALIENCY[section['source']]}{', by rbd for images without one' if by_rbd else ''}."


def saliency_note(config: Mapping[str, Any], settings: Iterable[str]) -> str:
    """Return the same for a table of several settings, those with another source named one by one."""
    usual = saliency_sentence(config)
    told = {setting: saliency_sentence(config, setting) for setting in settings}
    return " ".join([usual, *(f"{setting}: {text}" for setting, text in told.items() if text != usual)])


def _conflict(rule: str, between: str) -> str:
    if rule == "ignore":
        return f"pixels of {between} are left out"
    winner = "the highest map" if rule == "highest" else rule
    return f"pixels of {between} go to {winner}"


def crf_sentence(config: Mapping[str, Any]) -> str:
    """Return the parameters of the CRF."""
    crf = config["crf"]
    return (
        f"CRF: {crf['iterations']} iterations; kernel over position {crf['gaussian_weight']} "
        f"({crf['gaussian_sxy']} px), over position and colour {crf['bilateral_weight']} ({crf['bilateral_sxy']} px, "
        f"{crf['bilateral_srgb']} grey levels)."
    )
