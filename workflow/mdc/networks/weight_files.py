"""Files with weights: reading them safely, and comparing them with a network."""

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from mdc.runtime.errors import InputError

ZIP_SIGNATURE = b"PK"


def weights_hash(state: Mapping[str, Tensor]) -> str:
    """Return 16 hex digits that depend on the names, dtypes, shapes and bytes of all tensors, in sorted order."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.view(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")
    return digest.hexdigest()[:16]


def read_torch(path: Path) -> Any:
    """Return the content of a .pt or .pth file, on the CPU, without running any code in it.

    Raises:
        InputError: the file is missing or damaged, or holds more than tensors and plain values.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such weights file")
    try:
        changed = changed_part(path)
        content = None if changed else torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what torch raises for a damaged file depends on which byte is damaged
        kind = type(error).__name__  # not its message, which may advise to run the code that a file carries
        raise InputError(
            f"{path}: not a readable weights file: damaged, not written by PyTorch, or with more than tensors "
            f"({kind}); "
            "remove it or replace it; the workflow makes its own with the target classifier or segmenter"
        ) from error
    if changed:
        raise InputError(
            f"{path}: not a readable weights file: damaged ({changed} has changed); remove it or replace it; one of "
            "the workflow's is made by the target classifier or segmenter"
        )
    return content


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a .pt, .pth or .safetensors file by their names; raises as `read_torch`."""
    if path.suffix == ".safetensors":
        content = _read_safetensors(path)
    else:
        content = read_torch(path)
        for part in ("state_dict", "model"):  # in which training scripts put them
            content = content.get(part, content) if isinstance(content, dict) else content
    if not isinstance(content, dict) or not content:
        raise InputError(f"{path}: not a file of weights: there are no tensors by name in it; name another file")
    for name, value in content.items():
        if not isinstance(name, str) or not _is_plain(value):
            raise InputError(f"{path}: not a file of weights: {name} is no plain tensor; name another file")
    return content


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise InputError(f"{path}: no such weights file")
    try:
        return load_file(path)
    except Exception as error:  # as of `read_torch`
        kind = type(error).__name__
        raise InputError(f"{path}: not a readable weights file: damaged ({kind}); remove it or replace it") from error


def changed_part(path: Path) -> str | None:
    """Return the first part of a .pt, .pth or .ckpt file that does not have its checksum, or None.

    PyTorch does not compare the checksums of its own format. The format before 1.6, not a zip archive, has none.
    Raises what zipfile raises for a damaged archive.
    """
    with open(path, "rb") as file:
        if file.read(len(ZIP_SIGNATURE)) != ZIP_SIGNATURE:
            return None
    with zipfile.ZipFile(path) as archive:
        return archive.testzip()


def check_state(own: Mapping[str, Tensor], state: Mapping[str, Tensor], *, source: Path) -> None:
    """Return if `state` can be loaded into a network whose state is `own`, of which names and shapes are looked at.

    Raises:
        InputError: names, shapes or kinds of numbers differ, or a value is not finite; says which.
    """
    plain = {name for name, value in state.items() if _is_plain(value)}
    if plain != state.keys():
        odd = min(map(str, state.keys() - plain))
        raise InputError(f"{source}: these weights are damaged: {odd} is not a plain tensor")
    problems = [f"missing {name}" for name in own.keys() - state.keys()]
    problems += [f"unknown {name}" for name in state.keys() - own.keys()]
    for name in own.keys() & state.keys():
        expected, found = own[name], state[name]
        if expected.shape != found.shape:
            problems.append(f"{name} is {tuple(found.shape)}, expected {tuple(expected.shape)}")
        elif expected.is_floating_point() != found.is_floating_point() or found.is_complex():
            problems.append(f"{name} is {found.dtype}, expected {expected.dtype}")
        # cast first: what is finite in 64 bits need not be in the network's 32
        elif not torch.isfinite(found.to(expected.dtype)).all():
            problems.append(f"{name} is not finite")
    if problems:
        shown = "; ".join(sorted(problems)[:5]) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else "")
        raise InputError(
            f"{source}: these weights are of another network: {shown}; name weights of this one, or, if the workflow "
            "made the file, remove it and run the same command again"
        )


def _is_plain(value: Any) -> bool:
    return isinstance(value, Tensor) and value.layout == torch.strided and not (value.is_meta or value.is_quantized)
