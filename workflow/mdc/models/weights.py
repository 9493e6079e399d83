"""Reading, writing and fingerprinting network weights; the pre-trained starting points."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mdc.backbones.vgg import checked
from mdc.errors import InputError
from mdc.files import written_whole

# VGG16's fully connected layers in torchvision's file, and how LargeFOV takes every 4th filter and every 3rd position.
FC6_KEY, FC7_KEY = "classifier.0", "classifier.3"
VGG16_FC6_GRID = 7
EVERY_FILTER, EVERY_POSITION = 4, 3


def weights_hash(state: Mapping[str, Tensor]) -> str:
    """Return 16 hex digits that depend on the names, dtypes, shapes and bytes of all tensors, in sorted order."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.view(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")
    return digest.hexdigest()[:16]


def save_weights(path: Path, network: nn.Module, *, settings: dict[str, Any]) -> None:
    """Write the network's state and the settings it was trained with; a file that exists is whole."""
    with written_whole(path) as temporary:
        torch.save({"state": network.state_dict(), "settings": json.dumps(settings, sort_keys=True)}, temporary)


def read_torch(path: Path) -> Any:
    """Return what a .pt or .pth file holds, on the CPU, without running any code that it may carry.

    Raises:
        InputError: the file is missing or damaged, or holds more than tensors and plain values.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such weights file")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what torch raises for a damaged file depends on which byte is damaged
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path}: not a readable weights file ({first_line}); remove it or replace it") from error


def load_state(path: Path) -> dict[str, Tensor]:
    """Return the state that `save_weights` wrote to `path`.

    Raises:
        InputError: the file is missing, damaged or was not written by `save_weights`.
    """
    content = read_torch(path)
    if not isinstance(content, dict) or not isinstance(content.get("state"), dict):
        raise InputError(f"{path}: not weights written by this workflow")
    return content["state"]


def load_strictly(network: nn.Module, state: Mapping[str, Tensor], *, source: Path) -> None:
    """Load every tensor of `state` into `network`, which must have exactly the same names and shapes.

    Raises:
        InputError: names or shapes differ, or a value is not finite; says which.
    """
    own = network.state_dict()
    problems = [f"missing {name}" for name in own.keys() - state.keys()]
    problems += [f"unknown {name}" for name in state.keys() - own.keys()]
    problems += [
        f"{name} is {tuple(state[name].shape)}, expected {tuple(own[name].shape)}"
        for name in own.keys() & state.keys()
        if own[name].shape != state[name].shape
    ]
    problems += [f"{name} is not finite" for name in state if not torch.isfinite(state[name]).all()]
    if problems:
        shown = "; ".join(sorted(problems)[:5]) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else "")
        raise InputError(f"{source}: these weights are of another network: {shown}")
    network.load_state_dict(dict(state))


def subsampled_fc(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return LargeFOV's fc6 and fc7 taken from VGG16's fully connected layers (Chen et al. 2014; method of DeepLab).

    fc6: 4096 filters over 512 x 7 x 7 become 1024 over 512 x 3 x 3 (every 4th filter, positions 0, 3 and 6);
    fc7: 4096 x 4096 becomes 1024 x 1024 (every 4th by every 4th).

    Raises:
        InputError: a tensor is missing, of another shape or not finite.
    """
    g = VGG16_FC6_GRID
    rows, row = EVERY_FILTER, EVERY_POSITION
    fc6 = checked(state, f"{FC6_KEY}.weight", (4096, 512 * g * g)).view(4096, 512, g, g)
    fc7 = checked(state, f"{FC7_KEY}.weight", (4096, 4096))
    return {
        "fc6.weight": fc6[::rows, :, ::row, ::row].clone(),
        "fc6.bias": checked(state, f"{FC6_KEY}.bias", (4096,))[::rows].clone(),
        "fc7.weight": fc7[::rows, ::rows, None, None].clone(),
        "fc7.bias": checked(state, f"{FC7_KEY}.bias", (4096,))[::rows].clone(),
    }


@torch.no_grad()
def initialise(network: nn.Module, *, init: str, weights: str, classifier_state: Mapping[str, Tensor] | None) -> None:
    """Give `network` its starting weights.

    Args:
        network: a classifier or a segmenter, randomly initialised.
        init: `random` leaves it so; `imagenet` takes VGG16's layers from `weights`, torchvision's file; `classifier`
            the trunk of `classifier_state`; `file` everything from `weights`, written by this workflow.

    Raises:
        InputError: the weights are missing, damaged, not finite or do not fit.
    """
    if init == "classifier":
        trunk = {name: tensor for name, tensor in classifier_state.items() if name.startswith("trunk.")}
        load_strictly(network.trunk, {n.removeprefix("trunk."): t for n, t in trunk.items()}, source=Path("classifier"))
    elif init == "imagenet":
        state = read_torch(Path(weights))
        network.trunk.load_imagenet(state)
        if hasattr(network, "fc6"):
            own = network.state_dict()
            for name, tensor in subsampled_fc(state).items():
                if own[name].shape != tensor.shape:
                    raise InputError(f"segmenter.fc_width must be 1024 to start {name} from VGG16")
                own[name].copy_(tensor)
    elif init == "file":
        load_strictly(network, load_state(Path(weights)), source=Path(weights))
