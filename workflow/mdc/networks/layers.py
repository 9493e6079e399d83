"""Small parts that both networks and their encoders share."""

from collections.abc import Iterable

from torch import nn

GROUPS_OF_CHANNELS = 8
NEW_LAYER_STD = 0.01  # of the weights of layers that are not pre-trained, as in DeepLab


def normalisation(norm: str, channels: int) -> list[nn.Module]:
    """Return the layer to put after a convolution as a list: empty for `none`, batch or group normalisation."""
    if norm == "batch":
        return [nn.BatchNorm2d(channels)]
    if norm == "group":
        return [nn.GroupNorm(GROUPS_OF_CHANNELS, channels)]
    return []


def init_new_layers(modules: Iterable[nn.Module]) -> None:
    """Draw the weights of all convolutions and linear layers from N(0, 0.01); biases are 0."""
    for module in modules:
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.normal_(module.weight, std=NEW_LAYER_STD)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
