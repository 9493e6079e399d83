"""Backbones of both networks, one file each, found by their name in the config key `backbone.name`."""

from importlib import import_module
from pathlib import Path
from typing import Any

from torch import nn

from mdc.errors import InputError


def build_backbone(*, name: str, dilate_last_stage: bool, **settings: Any) -> nn.Module:
    """Return the trunk `name`, randomly initialised.

    A backbone is a module of this package with a class `Backbone(dilate_last_stage=..., **settings)` that has
    `out_channels`, `stride` (pixels between features, see `mdc.grid`), `mean` and `std` (of its input, RGB in 0..1),
    `load_imagenet(state)` and a `forward` from standardised images (N, 3, H, W) to features (N, out_channels, h, w).
    `dilate_last_stage` asks for the segmenter's variant: no stride after the third pooling layer, last stage dilated.

    Raises:
        InputError: there is no such backbone.
    """
    known = sorted(file.stem for file in Path(__file__).parent.glob("[a-z]*.py"))
    if name not in known:
        raise InputError(f"config key backbone.name: there is no backbone {name!r}; choose from {', '.join(known)}")
    return import_module(f"mdc.backbones.{name}").Backbone(dilate_last_stage=dilate_last_stage, **settings)
