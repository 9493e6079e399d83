"""The resume file of a training: written whole, and looked at before it is trusted."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor

from mdc.networks.weight_files import changed_part, read_torch
from mdc.runtime.disk import is_disk_fault
from mdc.runtime.errors import InputError
from mdc.runtime.files import written_whole

DIGEST = "mdc_digest"
PARTS = {"state_dict", "optimizer_states", "lr_schedulers", "loops", "callbacks", "pytorch-lightning_version"}


class WholeCheckpoints(TorchCheckpointIO):
    """Writes beside the final name, and with a digest; Lightning's way is by the system's temporary folder."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Path, storage_options: Any = None) -> None:
        with written_whole(Path(path)) as temporary:
            torch.save({**checkpoint, DIGEST: content_digest(checkpoint)}, temporary)


def content_digest(content: Mapping[str, Any]) -> str:
    """Return 16 hex digits that depend on all tensors and plain values in nested dicts and lists but `DIGEST`.

    Lightning takes what it finds: counters that do not fit each other end a training early or raise somewhere in it.
    """
    digest = hashlib.sha256()
    _add({key: value for key, value in content.items() if key != DIGEST}, digest)
    return digest.hexdigest()[:16]


def _add(value: Any, digest: Any) -> None:
    if isinstance(value, Tensor):
        tensor = value.detach().cpu().contiguous()
        digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.view(-1).view(torch.uint8).numpy() if tensor.numel() else b"")
    elif isinstance(value, Mapping):
        digest.update(b"{")
        for key, item in value.items():
            digest.update(repr(key).encode())
            _add(item, digest)
        digest.update(b"}")
    elif isinstance(value, (list, tuple)):
        digest.update(b"[")
        for item in value:
            _add(item, digest)
        digest.update(b"]")
    else:
        digest.update(f"{value!r},".encode())


def resume_problem(path: Path, state: Mapping[str, Tensor]) -> str:
    """Return what is wrong with a resume file; empty if a training of a network with this state can continue from it.

    Raises:
        InputError: the file may be good, but not here and now: it cannot be read, or another version of Lightning
            wrote it.
    """
    problem = _damage(path)
    if problem:
        return problem
    try:
        content = read_torch(path)
    except InputError:
        return "it is damaged or not a PyTorch file"
    if not isinstance(content, dict) or not content.keys() >= PARTS:
        return "it is not a training state"
    if not _is_as_written(content):
        return "it is damaged or was not written by this workflow"
    written_by = str(content["pytorch-lightning_version"])
    if _minor(written_by) != _minor(pl.__version__):
        raise InputError(
            f"{path}: an unfinished training of Lightning {written_by}, but this is {pl.__version__}: install that "
            "version again, or remove the file to train from the beginning"
        )
    if not isinstance(content["state_dict"], dict) or _shapes(content["state_dict"]) != _shapes(state):
        return "it is of another network"
    return ""


def _damage(path: Path) -> str:
    try:
        changed = changed_part(path)
    except Exception as error:  # what zipfile raises for a damaged file depends on which byte is damaged
        if is_disk_fault(error):
            raise InputError(f"{path}: cannot be read ({error.strerror}): make it readable or remove it") from error
        return f"it is damaged ({error})"
    return f"it is damaged ({changed} has changed)" if changed else ""


def _is_as_written(content: Mapping[str, Any]) -> bool:
    try:
        return content.get(DIGEST) == content_digest(content)
    except Exception:  # of tensors that are none of a network
        return False


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]


def _shapes(state: Mapping[str, Any]) -> dict[str, torch.Size | None]:
    return {name: getattr(value, "shape", None) for name, value in state.items()}
