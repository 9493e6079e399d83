"""Checkpoints of trained networks: a file holds all that is needed to build the network again."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from mdc.config.encoders import Stage
from mdc.data.class_names import checked_classes
from mdc.networks.descriptions import Description
from mdc.networks.weight_files import check_state, read_torch
from mdc.runtime.errors import InputError
from mdc.runtime.files import written_whole

D = TypeVar("D", bound=Description)
PARTS = ("state", "description", "settings")


def save_network(path: Path, network: nn.Module, description: Description, *, settings: Mapping[str, Any]) -> None:
    """Write the network's state, its description, and the settings of its training; whole or not at all."""
    content = {
        "state": network.state_dict(),
        "description": json.dumps(description.model_dump(), sort_keys=True),
        "settings": json.dumps(settings, sort_keys=True),
    }
    with written_whole(path) as temporary:
        torch.save(content, temporary)


def load_network(path: Path, kind: type[D]) -> tuple[nn.Module, D]:
    """Return the network in a checkpoint, on the CPU, and what it was built from.

    Args:
        kind: the description of a classifier or of a segmenter.

    Raises:
        InputError: the file is missing, damaged, or of something else.
    """
    state, description = read_checkpoint(path, kind)
    with torch.device("meta"):  # takes no memory, whatever the description says
        check_state(description.build().state_dict(), state, source=path)
    network = description.build()
    network.load_state_dict(dict(state))
    return network, description


def read_checkpoint(path: Path, kind: type[D]) -> tuple[dict[str, Tensor], D]:
    """Return the state in a checkpoint and what its network is built from; raises as `load_network`."""
    stage = kind.model_fields["stage"].default
    state, described = _content(path, stage)
    try:
        description = kind.model_validate(described)
        description.encoder_keys()
    except ValidationError as error:
        detail = error.errors()[0]
        key = ".".join(map(str, detail["loc"]))
        raise InputError(
            f"{path}: is damaged, its description has {key}: {detail['msg']}: {_what_to_name(stage)}"
        ) from error
    except ValueError as error:
        raise InputError(f"{path}: needs an encoder that is not installed ({error}): add its file") from error
    checked_classes(description.classes, source=str(path))
    return state, description


def read_state(path: Path, *, stage: Stage) -> dict[str, Tensor]:
    """Return the state of any network in a checkpoint of `stage`; raises as `load_network`."""
    return _content(path, stage)[0]


def _content(path: Path, stage: Stage) -> tuple[dict[str, Tensor], dict[str, Any]]:
    content = read_torch(path)
    content = content if isinstance(content, dict) else {}
    missing = [name for name in PARTS if name not in content]
    if missing:
        raise InputError(
            f"{path}: is not a checkpoint of this workflow: it lacks {', '.join(missing)}: {_what_to_name(stage)}; "
            "published weights of an encoder belong to encoder.weights, with init pretrained"
        )
    described = _plain_dict(content["description"])
    if described.get("stage") != stage:
        found = described.get("stage") or "damaged file"
        raise InputError(f"{path}: is a {found}, not a {stage}: {_what_to_name(stage)}")
    if not isinstance(content["state"], dict):
        raise InputError(f"{path}: is damaged, its state is not a dictionary of tensors: {_what_to_name(stage)}")
    return content["state"], described


def _what_to_name(stage: Stage) -> str:
    return f"name the weights.pt of a {stage} that this workflow has trained"


def _plain_dict(text: object) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
