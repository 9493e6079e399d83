"""Small parts that both networks and the backbones share."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

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


class Standardise(nn.Module):
    """Images (N, 3, H, W), RGB in 0..255, to the standardised input that a trunk's weights expect.

    The numbers belong to the network's weights, and are stored with them: no caller can use others.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.empty(3, 1, 1))
        self.register_buffer("std", torch.empty(3, 1, 1))
        self.set(mean, std)

    def set(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Take other numbers: mean and spread of red, green and blue, for values in 0..1."""
        self.mean.copy_(255 * torch.tensor(mean).view(3, 1, 1))
        self.std.copy_(255 * torch.tensor(std).view(3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, 3, H, W), about zero mean and unit spread over natural images."""
        return ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)  # faster convolutions
