"""The resume file of a training: written whole, and looked at before it is trusted."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor

from mdc.errors import InputError
from mdc.files import is_disk_fault, written_whole
from mdc.models.weights import read_torch

PARTS = {"state_dict", "optimizer_states", "lr_schedulers", "loops", "callbacks", "pytorch-lightning_version"}


class WholeCheckpoints(TorchCheckpointIO):
    """Writes beside the final name; Lightning's own way is by a file in the system's temporary folder."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Path, storage_options: Any = None) -> None:
        with written_whole(Path(path)) as temporary:
            torch.save(checkpoint, temporary)


def resume_problem(path: Path, state: Mapping[str, Tensor]) -> str:
    """Return what is wrong with a resume file; empty if a training of a network with this state can go on from it.

    Raises:
        InputError: the file may be good, but not here and now: it cannot be read, or another version of Lightning
            wrote it.
    """
    problem = _damage(path)
    if problem:
        return problem
    try:
        content = read_torch(path)
    except InputError as error:
        return str(error)
    if not isinstance(content, dict) or not content.keys() >= PARTS:
        return "it is no state of a training"
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
        with zipfile.ZipFile(path) as archive:
            changed = archive.testzip()  # PyTorch itself does not compare the checksums
    except Exception as error:  # what zipfile raises for a damaged file depends on which byte is damaged
        if is_disk_fault(error):
            raise InputError(f"{path}: cannot be read ({error.strerror}): make it readable or remove it") from error
        return f"it is damaged ({error})"
    return f"it is damaged ({changed} has changed)" if changed else ""


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]


def _shapes(state: Mapping[str, Any]) -> dict[str, torch.Size | None]:
    return {name: getattr(value, "shape", None) for name, value in state.items()}
