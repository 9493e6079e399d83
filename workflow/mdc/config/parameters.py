"""What rules hand to their scripts, from the configuration: plain values, so that Snakemake sees what changed."""

from typing import Any

from mdc.config.config import Config
from mdc.config.encoders import Stage
from mdc.config.experiments import Experiment
from mdc.config.networks import Segmenter
from mdc.config.paths import MAIN

LARGEFOV_KEYS = ("fc_width", "fc6_dilation", "fc_norm")


def recipe(config: Config, masks: Experiment) -> dict[str, Any]:
    """Return how fused masks are made: the fields of `mdc.masks.fusion.Recipe`."""
    varied = config.varied(masks.variant)
    section = varied.masks
    return {
        "threshold": section.threshold,
        "relative_to": section.relative_to,
        # the one that is not used must not make masks again when it changes
        "background_saliency_below": section.background_saliency_below if varied.has_saliency else 0,
        "background_below": 0 if varied.has_saliency else section.background_below,
        "background_conflict": section.background_conflict,
        "class_conflict": section.class_conflict,
    }


def sweep_recipe(config: Config, masks: Experiment) -> dict[str, Any]:
    """Return the same without the threshold, which is swept."""
    return {key: value for key, value in recipe(config, masks).items() if key != "threshold"}


def saliency_scaling(config: Config) -> dict[str, Any]:
    """Return the scaling of the salient-object network: the fields of `mdc.config.salient_networks.Scaling`."""
    known = config.saliency.known_network
    return (known.scaling if known else config.saliency.scaling).model_dump()


def maps_settings(config: Config, maps_name: str) -> dict[str, Any]:
    """Return how maps are made, apart from the network: the settings of `mdc.cams.dump.dump_cams`."""
    cams = config.varied("" if maps_name == MAIN else maps_name).cams
    return cams.model_dump(exclude={"network", "external_maps"})


def network_keys(config: Config, stage: Stage, classifier: str) -> dict[str, Any]:
    """Return everything that a network is built from except its classes, see `mdc.networks.descriptions`."""
    section, encoder = getattr(config, stage), described_encoder(config, stage, classifier)
    if stage == "classifier":
        keys = section.model_dump(include={"block_width", "block_norm", "head"})
        return {"encoder": encoder, "dilations": config.dilations(classifier)} | keys
    keys = section.model_dump(include={"head", *LARGEFOV_KEYS, "dropout"})
    if section.head == "plain":  # keys that it does not use must not train it again when they change
        keys |= {key: Segmenter.model_fields[key].default for key in LARGEFOV_KEYS}
    return {"encoder": encoder, "max_side_px": config.data.max_side_px} | keys


def described_encoder(config: Config, stage: Stage, classifier: str) -> dict[str, Any]:
    """Return what the encoder of a network is built from, see `mdc.config.encoders.EncoderKeys.described`."""
    init = getattr(config, stage).init
    return config.encoder_keys(stage, classifier).described(stage, pretrained=init == "pretrained")


def augmentation(config: Config, stage: Stage) -> dict[str, Any]:
    """Return the random views of a network's training: arguments of `mdc.training.datasets.TrainingViews`."""
    section = getattr(config, stage)
    # the number of views of a network that is not frozen must not train it again when it changes
    return section.augmentation.model_dump() | ({} if config.is_frozen(stage) else {"views": 0})


def segmenter_settings(config: Config, experiment: Experiment) -> dict[str, Any]:
    """Return how a segmenter is trained apart from its network: arguments of `mdc.segmenter.train.train_segmenter`."""
    segmenter = config.varied(experiment.variant).segmenter
    return {
        "init": segmenter.init,
        "augmentation": augmentation(config, "segmenter"),
        "loss_resolution": segmenter.loss_resolution,
        "online_term": segmenter.online_term,
        "online_warmup_epochs": segmenter.online_warmup_epochs,
        "strong_share": segmenter.strong.share if experiment.strong else 0,
        "training": segmenter.training.model_dump(),
    }


def encoder_module(config: Config, stage: Stage, classifier: str) -> str:
    """Return the module of a network's encoder, which is imported by its name."""
    return f"mdc.networks.encoders.{config.encoder_section(stage, classifier)['name']}"
