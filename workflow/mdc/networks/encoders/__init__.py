"""Backbones of both networks, one file each, found by their name in the config key `backbone.name`."""

from importlib import import_module
from pathlib import Path
from typing import Any

from torch import nn

from mdc.runtime.errors import InputError


def build_backbone(*, name: str, for_segmenter: bool, **settings: Any) -> nn.Module:
    """Return the trunk `name`, randomly initialised.

    A backbone is a module of this package with a class `Backbone(for_segmenter=..., **settings)` that has
    `out_channels`, `stride` (pixels between features, see `mdc.networks.grid`), `mean` and `std` (of its input, RGB in
    0..1),
    `load_imagenet(state)` and a `forward` from standardised images (N, 3, H, W) to features (N, out_channels, h, w).
    `for_segmenter` asks for the segmenter's variant: stride 8 at most. Both variants have the same state keys.

    Raises:
        InputError: there is no such backbone.
    """
    known = sorted(file.stem for file in Path(__file__).parent.glob("[a-z]*.py"))
    if name not in known:
        raise InputError(f"config key backbone.name: there is no backbone {name!r}; choose from {', '.join(known)}")
    return import_module(f"mdc.networks.encoders.{name}").Backbone(for_segmenter=for_segmenter, **settings)
