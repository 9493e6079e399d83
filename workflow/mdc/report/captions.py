"""What captions say of a table or picture: the settings behind it, from the configuration."""

from collections.abc import Callable, Collection, Iterable, Sequence

from mdc.config.config import Config
from mdc.config.encoders import Stage
from mdc.config.experiments import DENSECRF, EXTERNAL, PAMR, SALIENT, Experiment

SALIENCY = {
    "rbd": "made by rbd, which is built in, not the paper's saliency",
    "onnx": "made by the trained network {model}, not the paper's saliency",
    "folder": "from another model's maps in a folder",
    "none": "not used",
    "ground_truth": "replaced by the true masks' objects, which no weak method has",
}
REFINED = {
    DENSECRF: "confident objects and background refined by a dense CRF as IRN does",
    PAMR: "refined by pixel-adaptive mask refinement",
}
HEADS = {"largefov": "LargeFOV", "plain": "a 1x1 convolution"}
EVERYTHING = ("masks", "crf")


def caption(
    config: Config,
    *,
    classifier: str | Sequence[str] = "",
    seed: object = "",
    split: str = "",
    result: str = "",
    tells: Collection[str] = EVERYTHING,
) -> str:
    """Return sentences in reStructuredText: networks, seed, split, maps, threshold, saliency and CRF behind a result.

    Args:
        classifier: one or several names; empty for all of `classifier.networks`.
        seed: empty for all of the run.
        split: train, val or test; empty says nothing of it.
        result: name of an experiment; empty for what all results share.
        tells: `masks` for the pseudo masks and `crf` for the CRF behind a segmenter's result.
    """
    names = [classifier] if isinstance(classifier, str) else list(classifier)
    names = list(config.classifier.networks) if names == [""] else names
    seeds = [seed] if str(seed) else config.seeds
    sentences = [
        *([f"Result: ``{result}``."] if result else []),
        classifiers_sentence(config, names),
        f"{'Seed' if len(seeds) == 1 else 'Seeds'}: {', '.join(map(str, seeds))}.",
        *([f"Images: {split}."] if split else []),
    ]
    experiment = Experiment.parse(result) if result else None
    is_segmenter = experiment.is_segmenter if experiment else "crf" in tells
    if is_segmenter:
        sentences.append(segmenter_sentence(config, experiment.variant if experiment else ""))
    if "masks" in tells and (experiment is None or experiment.kind != "all-background"):
        sentences.append(masks_sentences(config, experiment))
        if experiment is not None and experiment.strong:
            of_val = ", those of val among them" if experiment.learns_from_val(config) else ""
            sentences.append(f"True masks of {experiment.strong} images{of_val}, instead of their pseudo masks.")
    if "crf" in tells and is_segmenter:
        sentences.append("CRF: none." if experiment is not None and not experiment.crf else crf_sentence(config))
    return " ".join(sentences)


def classifiers_sentence(config: Config, names: Sequence[str]) -> str:
    """Return what classifiers are: encoder, starting weights, dilations and output stride."""
    networks = "; ".join(
        f"``{name}`` ({_encoder(config, 'classifier', name)}; dilations "
        f"{', '.join(map(str, config.dilations(name)))}, stride {config.stride(name)})"
        for name in names
    )
    return f"{'Classifier' if len(names) == 1 else 'Classifiers'}: {networks}."


def segmenter_sentence(config: Config, variant: str = "") -> str:
    """Return head and encoder of the segmenters and their starting weights, with a variant as it has them."""
    return f"Segmenter: {HEADS[config.segmenter.head]} on {_encoder(config.varied(variant), 'segmenter')}."


def _encoder(config: Config, stage: Stage, classifier: str = "") -> str:
    """Return the encoder of a network and its starting weights; segmenters have no classifier."""
    keys, section = config.encoder_keys(stage, classifier), getattr(config, stage)
    start = {
        "pretrained": f"pretrained weights ``{keys.published_name or keys.weights}``",
        "random": "random weights",
        "classifier": "the classifier's encoder",
        "file": f"the weights ``{section.weights}``",
    }
    return f"{keys.words}, from {start[section.init]}"


def masks_sentences(config: Config, experiment: Experiment | None = None) -> str:
    """Return how the masks are made that an experiment learns from or is: maps, threshold, conflicts, saliency.

    None for all map settings.
    """
    if experiment is not None and experiment.kind == "true-masks":
        return "Trained on the true masks of the training images."
    masks = experiment.masks(config) if experiment is not None else None
    if config.masks.external_masks or (masks and masks.producer == EXTERNAL):
        return "Pseudo masks: another method's."
    variant = masks.variant if masks else ""
    section, source = config.varied(variant).masks, config.varied(variant).saliency.source
    saliency = saliency_sentence(config, variant)
    if masks and masks.producer == SALIENT:
        return (
            f"Baseline masks: salient pixels, each of the tagged class with the highest map (``{masks.maps}``). "
            "Salient is what reaches the threshold that fits the training images' true masks best, or 0.5 where these "
            f"show no object. {saliency}"
        )
    named = {"fusion": "the fused maps", "mean": "the blocks' mean map"}
    maps = named.get(masks.maps, f"block ``{masks.maps}``") if masks else "each map setting"
    if masks and masks.producer in REFINED:
        return f"Pseudo masks: from {maps}, {REFINED[masks.producer]}. {saliency}"
    threshold = section.threshold if isinstance(section.threshold, str) else f"{section.threshold:g}"
    if threshold == "best":
        threshold = "the threshold that fits the training images' true masks best"
    unit = "of each map's maximum" if section.relative_to == "max" else "in absolute terms"
    if source == "none":
        background = f"where all maps are at most {section.background_below:g} of their maximum"
    else:
        background = f"where saliency is below {section.background_saliency_below:g}"
    return (
        f"Pseudo masks{f' (variant ``{variant}``)' if variant else ''}: from {maps}, object above {threshold} {unit}, "
        f"background {background}; {_conflict(section.background_conflict, 'object and background')}, "
        f"{_conflict(section.class_conflict, 'two classes')}. {saliency}"
    )


def saliency_sentence(config: Config, variant: str = "") -> str:
    """Return where the background cue comes from, with a variant as it has it."""
    section = config.varied(variant).saliency
    by_rbd = section.source == "folder" and section.missing == "rbd"
    source = SALIENCY[section.source].format(model=section.model)
    return f"Saliency: {source}{', by rbd for images without one' if by_rbd else ''}."


def saliency_note(config: Config, settings: Iterable[Experiment]) -> str:
    """Return the same for a table of several segmenters, those with another source named one by one."""
    return _for_all(saliency_sentence, config, settings)


def segmenters_note(config: Config, settings: Iterable[Experiment]) -> str:
    """Return `segmenter_sentence` for a table of several segmenters, those that start otherwise named one by one."""
    return _for_all(segmenter_sentence, config, settings)


def _for_all(sentence: Callable[[Config, str], str], config: Config, settings: Iterable[Experiment]) -> str:
    usual = sentence(config, "")
    told = {setting: sentence(config, setting.variant) for setting in settings}
    return " ".join([usual, *(f"{setting}: {text}" for setting, text in told.items() if text != usual)])


def _conflict(rule: str, between: str) -> str:
    if rule == "ignore":
        return f"pixels of {between} are left out"
    winner = "the highest map" if rule == "highest" else rule
    return f"pixels of {between} go to {winner}"


def crf_sentence(config: Config) -> str:
    """Return the parameters of the CRF."""
    crf = config.crf
    return (
        f"CRF: {crf.iterations} iterations; kernel over position {crf.gaussian_weight:g} ({crf.gaussian_sxy:g} px), "
        f"over position and colour {crf.bilateral_weight:g} ({crf.bilateral_sxy:g} px, {crf.bilateral_srgb:g} grey "
        "levels)."
    )
