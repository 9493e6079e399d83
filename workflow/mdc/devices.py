"""Choosing where the networks run."""

import torch

from mdc.errors import InputError
from mdc.logs import logger


def accelerator(device: str) -> str:
    """Return `gpu` or `cpu` for the config key `device` (`auto`, `cpu` or `cuda`).

    Raises:
        InputError: `cuda` is asked for and there is no CUDA device.
    """
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise InputError("config key device is cuda, but PyTorch finds no CUDA device: set device to auto or cpu")
    chosen = "gpu" if available and device != "cpu" else "cpu"
    logger.info("computing on %s", torch.cuda.get_device_name() if chosen == "gpu" else "the CPU")
    return chosen


def torch_device(device: str) -> torch.device:
    """Return the device for inference, chosen as `accelerator` does."""
    return torch.device("cuda" if accelerator(device) == "gpu" else "cpu")


def precision_for(precision: str, kind: str) -> str:
    """Return Lightning's name of the precision; `auto` is mixed where the device has it, 32 bits on a CPU.

    Raises:
        InputError: the device does not have it.
    """
    if precision == "16-mixed" and kind == "cpu":
        raise InputError("config key training.precision: CPUs do not compute in 16-mixed; choose auto or 32-true")
    if precision != "auto":
        return precision
    if kind == "cpu":
        return "32-true"
    return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"
