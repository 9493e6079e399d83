"""How the networks are trained: the schedule, its learning rates, the optimiser and the precision (paper 4.1)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mdc.runtime.errors import InputError

ADAM_BETAS = (0.9, 0.999)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How a network is trained; the fields are the keys of `mdc.config.networks.Training`."""

    batch_size: int
    micro_batches: int
    epochs: int
    freeze: str | int
    encoder_batch_norm: str
    optimizer: str
    lr: float
    momentum: float
    weight_decay: float
    lr_schedule: str
    lr_decay_epochs: Sequence[int]
    lr_decay_factor: float
    warmup_steps: int
    bias_lr_factor: float
    new_layer_lr_factor: float
    precision: str
    validate_every_epochs: int


def lr_factor(step: int, *, steps_per_epoch: int, schedule: Schedule) -> float:
    """Return the factor of the learning rate at optimiser step `step`, counted from 0.

    `step` schedule: `lr_decay_factor` once for each of `lr_decay_epochs` that has passed. `cosine`: from 1 to 0 over
    the run. The first `warmup_steps` steps rise linearly.
    """
    warmup = min(1.0, (step + 1) / (schedule.warmup_steps + 1))
    if schedule.lr_schedule == "cosine":
        return warmup * 0.5 * (1 + math.cos(math.pi * step / (steps_per_epoch * schedule.epochs)))
    passed = sum(step >= epoch * steps_per_epoch for epoch in schedule.lr_decay_epochs)
    return warmup * schedule.lr_decay_factor**passed


def build_optimizer(network: nn.Module, schedule: Schedule) -> torch.optim.Optimizer:
    """Return the optimiser, with one group per (new or pre-trained layer) x (weights or the rest).

    Parameters that are not trained are in none of them. As in DeepLab's solver: biases (and normalisation parameters)
    have `bias_lr_factor` times the learning rate and no weight decay; the layers in `network.new_parameters()` have
    `new_layer_lr_factor` times the learning rate.
    """
    new = network.new_parameters()
    groups: dict[tuple[bool, bool], list[Tensor]] = {}
    for parameter in (parameter for parameter in network.parameters() if parameter.requires_grad):
        groups.setdefault((parameter in new, parameter.ndim > 1), []).append(parameter)
    settings = [
        {
            "params": parameters,
            "lr": schedule.lr
            * (schedule.new_layer_lr_factor if is_new else 1)
            * (1 if is_weight else schedule.bias_lr_factor),
            "weight_decay": schedule.weight_decay if is_weight else 0.0,
        }
        for (is_new, is_weight), parameters in groups.items()
    ]
    if schedule.optimizer == "adamw":
        return torch.optim.AdamW(settings, lr=schedule.lr, betas=ADAM_BETAS)
    return torch.optim.SGD(settings, lr=schedule.lr, momentum=schedule.momentum)


def precision_for(precision: str, kind: str) -> str:
    """Return Lightning's name of the precision, for `auto` and `fast` as the key `training.precision` says.

    Raises:
        InputError: the device does not have it.
    """
    if precision == "16-mixed" and kind == "cpu":
        raise InputError("config key training.precision: CPUs do not compute in 16-mixed; choose auto or 32-true")
    if precision not in ("auto", "fast"):
        return precision
    if kind == "cpu":
        return "bf16-mixed" if precision == "fast" and _computes_in_bfloat16() else "32-true"
    return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"


def _computes_in_bfloat16() -> bool:
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()  # older versions of PyTorch cannot tell
    return any(capabilities.get(name) for name in ("amx_bf16", "avx512_bf16"))
