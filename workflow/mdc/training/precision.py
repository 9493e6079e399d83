"""The precision of a training."""

import torch

from mdc.runtime.errors import InputError


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
