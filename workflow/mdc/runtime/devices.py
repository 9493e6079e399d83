"""Choosing where the networks run."""

import torch

from mdc.runtime.errors import InputError
from mdc.runtime.gpu_locks import claim_gpus
from mdc.runtime.logs import logger


def accelerator(device: str) -> str:
    """Return `gpu` or `cpu` for the config key `device` (`auto`, `cpu` or `cuda`).

    Raises:
        InputError: `cuda` is requested and there is no CUDA device.
    """
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise InputError("config key device is cuda, but PyTorch finds no CUDA device: set device to auto or cpu")
    chosen = "gpu" if available and device != "cpu" else "cpu"
    logger.info("computing on %s", torch.cuda.get_device_name() if chosen == "gpu" else "the CPU")
    return chosen


def torch_device(device: str, *, gpus: int = 0) -> torch.device:
    """Return the device for inference, chosen as `accelerator` does.

    With `gpus`, the resource `gpu` of a rule, it is a card that no other job has (see `claim_gpus`); with 0 the first
    one, whoever else uses it.
    """
    if accelerator(device) == "cpu":
        return torch.device("cpu")
    return torch.device("cuda", claim_gpus(1)[0] if gpus else 0)
