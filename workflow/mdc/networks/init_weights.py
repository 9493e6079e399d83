"""The weights that a network starts from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from mdc.networks.checkpoints import load_state, load_strictly, save_weights
from mdc.networks.multi_dilation import build_classifier
from mdc.networks.vgg16_files import read_vgg16, start_from_vgg16
from mdc.runtime.errors import InputError
from mdc.runtime.files import write_whole
from mdc.runtime.hashes import has_hash
from mdc.runtime.logs import logger

COPIED_FROM_CLASSIFIER = ("trunk", "standardise")


def initialise(
    network: nn.Module, *, init: str, weights: str, weights_input: str, classifier_state: Mapping[str, Tensor] | None
) -> dict[str, str]:
    """Give `network` its starting weights; return what became of every tensor (see `pretrained.start_from_vgg16`).

    Args:
        network: a classifier or a segmenter, randomly initialised.
        init: `random` leaves it so; `imagenet` takes VGG16's layers from `weights`; `classifier` the trunk of
            `classifier_state`; `file` everything from `weights`, written by this workflow.
        weights_input: for `imagenet`, see `pretrained.read_vgg16`.

    Raises:
        InputError: the weights are missing, damaged, not finite or do not fit.
    """
    if init == "imagenet":
        return start_from_vgg16(network, read_vgg16(Path(weights), weights_input=weights_input))
    if init == "file":
        state = load_state(Path(weights))
        load_strictly(network, state, source=Path(weights))
        return dict.fromkeys(state, "used")
    if init == "classifier":
        for part in COPIED_FROM_CLASSIFIER:
            named = {n.removeprefix(f"{part}."): t for n, t in classifier_state.items() if n.startswith(f"{part}.")}
            load_strictly(getattr(network, part), named, source=Path("classifier"))
    return {}


def check_weights(
    network: nn.Module, *, init: str, weights: str, weights_input: str, expected_hash: str, checked_csv: Path
) -> None:
    """Write to `checked_csv` what `initialise` makes of every tensor: columns tensor and use (used, unused or new).

    Args:
        expected_hash: what the file must have, see `mdc.runtime.hashes.has_hash`; empty for a file of the user.

    Raises:
        InputError: the hash is another one, or as `initialise`; so that it comes before anything is trained and not
            when this network's turn is.
    """
    if expected_hash and not (Path(weights).is_file() and has_hash(Path(weights), expected_hash)):
        raise InputError(
            f"{weights}: is missing or does not have the hash {expected_hash}: bring it by `--forcerun "
            "download_weights`, or name a file of your own in classifier.weights"
        )
    uses = initialise(network, init=init, weights=weights, weights_input=weights_input, classifier_state=None)
    counts = {use: list(uses.values()).count(use) for use in ("used", "unused", "new")}
    logger.info("%s: %d tensors used, %d unused; %d of the network are new", weights, *counts.values())
    mean, std = (buffer.flatten().tolist() for buffer in (network.standardise.mean, network.standardise.std))
    logger.info("red, green, blue in 0..255 less %s, over %s", *([round(value, 2) for value in v] for v in (mean, std)))
    write_whole(checked_csv, pd.DataFrame(uses.items(), columns=["tensor", "use"]).to_csv(index=False).encode())


def write_untrained_classifier(
    *,
    weights_pt: Path,
    classes: Sequence[str],
    dilations: Sequence[int],
    network: dict[str, Any],
    init: str,
    weights: str,
    weights_input: str,
    seed: int,
) -> None:
    """Write the classifier as its training starts: the same seed gives the same tensors.

    Args:
        weights_pt: what is written, see `mdc.networks.checkpoints.save_weights`.
        classes, dilations, network, init, weights, weights_input: see `mdc.classifier.train_classifier`.
    """
    torch.manual_seed(seed)
    model = build_classifier(dilations=dilations, classes=len(classes), **network)
    initialise(model, init=init, weights=weights, weights_input=weights_input, classifier_state=None)
    save_weights(weights_pt, model, settings={"classes": list(classes), "dilations": list(dilations), "seed": seed})
