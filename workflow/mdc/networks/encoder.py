"""The interface of all encoders."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from mdc.networks.grid import Grid

# Of the values 0..1 of ImageNet's photos, red, green and blue, as torchvision's weights expect them.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Encoder(nn.Module):
    """Layers from standardised images to features, with their grid and channels.

    Attributes:
        layers: from standardised images (N, 3, H, W), sides as of `grid.padded_side`, to features (N, channels, h, w).
        channels: of the features.
        grid: where the features sit.
        new: layers that have no pre-trained weights; they learn at the new layers' rate.
        frozen: layers that are not trained, neither their weights nor their statistics.
    """

    def __init__(
        self,
        layers: nn.Module,
        *,
        channels: int,
        grid: Grid,
        mean: Sequence[float],
        std: Sequence[float],
        new: Iterable[nn.Module] = (),
        frozen: Iterable[nn.Module] = (),
    ) -> None:
        """`mean` and `std` are those of the input, red, green and blue in 0..1; see `set_standardisation`."""
        super().__init__()
        self.layers, self.channels, self.grid = layers, channels, grid
        self.register_buffer("mean", torch.empty(3, 1, 1))
        self.register_buffer("std", torch.empty(3, 1, 1))
        self.set_standardisation(mean, std)
        self._new, self._frozen, self._keeps_statistics = list(new), [], False
        self._freeze(frozen)

    def _freeze(self, layers: Iterable[nn.Module]) -> None:
        self._frozen += layers
        for parameter in (parameter for layer in self._frozen for parameter in layer.parameters()):
            parameter.requires_grad_(False)

    def hold(self, *, freeze: str, batch_norm: str) -> None:
        """Keep as they are: all layers with `freeze` encoder, the statistics of batch normalisation with eval."""
        self._freeze([self.layers] if freeze == "encoder" else [])
        self._keeps_statistics = batch_norm == "eval"
        self.train(self.training)

    def set_standardisation(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Take other numbers: mean and spread of red, green and blue, for values in 0..1.

        They belong to the weights and are stored with them, so that no caller can use others.
        """
        self.mean.copy_(255 * torch.tensor(mean).view(3, 1, 1))
        self.std.copy_(255 * torch.tensor(std).view(3, 1, 1))

    def standardise(self, images: Tensor) -> Tensor:
        """Return images (N, 3, H, W), RGB in 0..255, as the layers expect them: about zero mean and unit spread."""
        return ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)  # faster convolutions

    def prepare(self, images: Tensor) -> Tensor:
        """Return whole photos (N, 3, H, W), RGB in 0..255, standardised and padded to the grid.

        The padding is right and bottom, with the mean, which is 0 once standardised.
        """
        height, width = images.shape[-2:]
        sides = self.grid.padded_side(width) - width, self.grid.padded_side(height) - height
        return functional.pad(self.standardise(images), (0, sides[0], 0, sides[1]))

    def new_parameters(self) -> set[Tensor]:
        """Return the parameters that have no pre-trained weights."""
        return {parameter for layer in self._new for parameter in layer.parameters()}

    def new_state(self) -> dict[str, Tensor]:
        """Return what has no pre-trained weights in the state of `layers`."""
        places = [
            (name, layer) for name, layer in self.layers.named_modules() if any(layer is new for new in self._new)
        ]
        return {f"{name}.{key}": tensor for name, layer in places for key, tensor in layer.state_dict().items()}

    def train(self, mode: bool = True) -> Self:
        """As of every module; what is frozen or held stays as in evaluation, so that its statistics do not move."""
        super().train(mode)
        held = [module for module in self.layers.modules() if isinstance(module, _BatchNorm)]
        for layer in self._frozen + (held if self._keeps_statistics else []):
            layer.eval()
        return self

    def forward(self, standardised: Tensor) -> Tensor:
        """Return features (N, channels, h, w) of standardised images (N, 3, H, W)."""
        return self.layers(standardised)


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """Pre-trained weights as a file has them.

    Attributes:
        state: tensors under the names of `Encoder.layers`' state.
        mean, std: of the input that they expect, as `Encoder` takes them.
        fully_connected: LargeFOV's `fc6` and `fc7`, where the file has layers that these can start from.
        uses: every tensor of the file -> `encoder`, `fully connected` or `unused`.
    """

    state: Mapping[str, Tensor]
    mean: Sequence[float]
    std: Sequence[float]
    fully_connected: Mapping[str, Tensor] = field(default_factory=dict)
    uses: Mapping[str, str] = field(default_factory=dict)
