"""Whether a run can be compared with the paper's numbers: only if its data and networks are the paper's."""

from typing import Any

from mdc.config.config import Config
from mdc.config.encoders import Stage
from mdc.config.parameters import network_keys

SECTIONS = {"data": ("source", "train_list"), "cams": ("network", "external_maps")}
# the input follows from the file of the weights, and all photos of VOC are smaller
NOT_COMPARED = {"encoder.weights_input", "max_side_px"}


def departures(config: Config, classifier: str) -> list[str]:
    """Return, in words, the differences of a classifier and its segmenters from the paper's; empty if there are none.

    The defaults of the configuration are the paper's. Compared are the training images, the origin of the maps, the
    layers of both networks and what they start from; not how they are trained, nor how pseudo masks are made.
    """
    paper = Config()
    found = [
        f"{section}.{key}"
        for section, keys in SECTIONS.items()
        for key in keys
        if getattr(getattr(config, section), key) != getattr(getattr(paper, section), key)
    ]
    for stage in ("classifier", "segmenter"):
        theirs = _network(paper, stage, next(iter(paper.classifier.networks)))
        ours = _network(config, stage, classifier)  # another encoder lacks some of the keys
        found += [f"{stage} {key}" for key, value in theirs.items() if ours.get(key, value) != value]
    return found


def _network(config: Config, stage: Stage, classifier: str) -> dict[str, Any]:
    keys = network_keys(config, stage, classifier)
    encoder = {f"encoder.{key}": value for key, value in keys.pop("encoder").items()}
    keys = {**encoder, **keys, "init": getattr(config, stage).init}
    return {key: value for key, value in keys.items() if key not in NOT_COMPARED}
