"""The weights that a network starts from."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn

from mdc.config.encoders import EncoderKeys, Stage
from mdc.downloads.packages import weights_file
from mdc.networks.checkpoints import read_state, save_network
from mdc.networks.descriptions import Description
from mdc.networks.encoder import Encoder, Pretrained
from mdc.networks.weight_files import check_state
from mdc.runtime.errors import InputError
from mdc.runtime.files import write_whole
from mdc.runtime.hashes import has_hash
from mdc.runtime.logs import logger

NEW = "new"


def start_network(
    description: Description, *, seed: int, init: str, weights: str, classifier_pt: Path | None = None
) -> nn.Module:
    """Return a network with its starting weights; the same seed gives the same tensors.

    Args:
        init: see `initialise`.
        weights: a file, for `pretrained` and `file`, or a package, see `mdc.downloads.packages.weights_file`.
        classifier_pt: the checkpoint whose encoder `classifier` copies.

    Raises:
        InputError: the weights are missing, damaged, not finite or do not fit.
    """
    torch.manual_seed(seed)
    network = description.build()
    initialise(network, description, init=init, weights=weights, classifier_pt=classifier_pt)
    return network


def initialise(
    network: nn.Module, description: Description, *, init: str, weights: str, classifier_pt: Path | None = None
) -> dict[str, str]:
    """Give a network its starting weights; return the load report.

    Args:
        network: a classifier or a segmenter, randomly initialised.
        init: `random` leaves it so; `pretrained` takes the encoder's layers from `weights`; `classifier` the encoder of
            `classifier_pt`; `file` everything from `weights`, a checkpoint of the same stage.

    Returns:
        Every tensor of the file -> `encoder`, `fully connected` or `unused`, then every parameter of the network
        without pre-trained weights -> `new`; empty for `random` and `classifier`.

    Raises:
        InputError: see `start_network`.
    """
    if init == "pretrained":
        return _start_from_pretrained(network, description, weights_file(weights))
    if init == "file":
        state = read_state(Path(weights), stage=description.stage)
        _load(network, state, source=Path(weights))
        if description.has_fully_connected:
            network.has_pretrained_fc = True
        return dict.fromkeys(state, "used")
    if init == "classifier":
        state = read_state(classifier_pt, stage="classifier")
        encoder = {
            name.removeprefix("encoder."): tensor for name, tensor in state.items() if name.startswith("encoder.")
        }
        _load(network.encoder, encoder, source=classifier_pt)
    return {}


def pretrained_encoder(keys: EncoderKeys, *, stage: Stage, weights: str) -> Encoder:
    """Return the encoder that a network of `stage` starts from with `pretrained`; arguments and errors as there."""
    torch.manual_seed(0)  # for layers without pre-trained weights
    encoder = keys.build(stage)
    _load_pretrained(encoder, keys, path=weights_file(weights), with_fully_connected=False)
    return encoder


def _load_pretrained(encoder: Encoder, keys: EncoderKeys, *, path: Path, with_fully_connected: bool) -> Pretrained:
    found = keys.read_pretrained(path, with_fully_connected=with_fully_connected)
    _load(encoder.layers, encoder.new_state() | dict(found.state), source=path)
    encoder.set_standardisation(found.mean, found.std)
    return found


def _start_from_pretrained(network: nn.Module, description: Description, path: Path) -> dict[str, str]:
    keys, with_fully_connected = description.encoder_keys(), description.has_fully_connected
    found = _load_pretrained(network.encoder, keys, path=path, with_fully_connected=with_fully_connected)
    if found.fully_connected:
        own = {name: tensor for name, tensor in network.state_dict().items() if name in found.fully_connected}
        check_state(own, found.fully_connected, source=path)
        network.start_fully_connected(found.fully_connected)
    new = {id(parameter) for parameter in network.new_parameters()}
    return dict(found.uses) | {name: NEW for name, parameter in network.named_parameters() if id(parameter) in new}


def _load(module: nn.Module, state: Mapping[str, Tensor], *, source: Path) -> None:
    """Load every tensor of `state`, which must have exactly the names and shapes of the module's."""
    check_state(module.state_dict(), state, source=source)
    module.load_state_dict(dict(state))


def check_weights(description: Description, *, init: str, weights: str, expected_hash: str, checked_csv: Path) -> None:
    """Write the load report of `initialise` to `checked_csv`: columns tensor and use.

    Args:
        expected_hash: of the file, see `mdc.runtime.hashes.has_hash`; empty for a file of the user.

    Raises:
        InputError: the hash is another one, or as `initialise`; so that it comes before anything is trained and not
            when this network's turn is.
    """
    if expected_hash and not (Path(weights).is_file() and has_hash(Path(weights), expected_hash)):
        raise InputError(
            f"{weights}: is missing or does not have the hash {expected_hash}: download it again with `--forcerun "
            "download_weights`, or name a file of your own in encoder.weights"
        )
    network = description.build()
    report = initialise(network, description, init=init, weights=weights)
    unused, new = (list(report.values()).count(use) for use in ("unused", NEW))
    used = len(report) - unused - new
    logger.info("%s: %d tensors used, %d unused; %d of the network are new", weights, used, unused, new)
    mean, std = (buffer.flatten().tolist() for buffer in (network.encoder.mean, network.encoder.std))
    logger.info("red, green, blue in 0..255 less %s, over %s", *([round(value, 2) for value in v] for v in (mean, std)))
    write_whole(checked_csv, pd.DataFrame(report.items(), columns=["tensor", "use"]).to_csv(index=False).encode())


def write_untrained_classifier(
    *, weights_pt: Path, description: Description, init: str, weights: str, seed: int
) -> None:
    """Write the checkpoint of a classifier as its training starts; the arguments are those of `start_network`."""
    network = start_network(description, seed=seed, init=init, weights=weights)
    save_network(weights_pt, network, description, settings={"seed": seed})
