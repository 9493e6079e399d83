"""Reading, writing and fingerprinting network weights."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mdc.errors import InputError
from mdc.files import written_whole


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
        kind = type(error).__name__  # not its message, which may advise to run the code that a file carries
        raise InputError(
            f"{path}: not a readable weights file: damaged, no file of PyTorch, or more in it than tensors ({kind}); "
            "remove it or replace it"
        ) from error


def load_state(path: Path) -> dict[str, Tensor]:
    """Return the state that `save_weights` wrote to `path`.

    Raises:
        InputError: the file is missing, damaged or was not written by `save_weights`.
    """
    content = read_torch(path)
    if not isinstance(content, dict) or not isinstance(content.get("state"), dict):
        raise InputError(f"{path}: not weights written by this workflow; VGG16's belong to init imagenet")
    return content["state"]


def load_strictly(network: nn.Module, state: Mapping[str, Tensor], *, source: Path) -> None:
    """Load every tensor of `state` into `network`, which must have exactly the same names and shapes.

    Raises:
        InputError: names or shapes differ, or a value is not finite; says which.
    """
    own = network.state_dict()
    plain = {name for name, value in state.items() if isinstance(value, Tensor) and value.layout == torch.strided}
    if plain != state.keys():
        raise InputError(f"{source}: these weights are damaged: {min(state.keys() - plain)} is no plain tensor")
    problems = [f"missing {name}" for name in own.keys() - state.keys()]
    problems += [f"unknown {name}" for name in state.keys() - own.keys()]
    problems += [
        f"{name} is {tuple(state[name].shape)}, expected {tuple(own[name].shape)}"
        for name in own.keys() & state.keys()
        if own[name].shape != state[name].shape
    ]
    # cast first: what is finite in 64 bits need not be in the network's 32
    cast = {name: tensor.to(own[name].dtype) if name in own else tensor for name, tensor in state.items()}
    problems += [f"{name} is not finite" for name, tensor in cast.items() if not torch.isfinite(tensor).all()]
    if problems:
        shown = "; ".join(sorted(problems)[:5]) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else "")
        raise InputError(
            f"{source}: these weights are of another network: {shown}; name weights of this one, or, if the workflow "
            "made the file, remove it and run the same again"
        )
    network.load_state_dict(dict(state))
