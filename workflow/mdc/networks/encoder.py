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
        stages: names of the layers and parameters of each stage, in order; "" stands for all of `layers`.
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
        stages: Iterable[Iterable[str]] = (("",),),
        new: Iterable[nn.Module] = (),
        frozen: Iterable[nn.Module] = (),
    ) -> None:
        """`mean` and `std` are those of the input, red, green and blue in 0..1; see `set_standardisation`."""
        super().__init__()
        self.layers, self.channels, self.grid = layers, channels, grid
        self.register_buffer("mean", torch.empty(3, 1, 1))
        self.register_buffer("std", torch.empty(3, 1, 1))
        self.set_standardisation(mean, std)
        self.stages = [list(names) for names in stages]
        # by name, since layers are replaced by others where several GPUs train
        self._new, self._frozen, self._keeps_statistics = list(new), set(), False
        self._freeze(name for layer in frozen for name, own in layers.named_modules() if own is layer)

    def _freeze(self, names: Iterable[str]) -> None:
        self._frozen.update(names)
        for name, parameter in self.layers.named_parameters():
            if self._is_frozen(name):
                parameter.requires_grad_(False)

    def _is_frozen(self, name: str) -> bool:
        """Return whether a layer or a parameter of `layers` is one of the frozen ones or in one."""
        return any(held in ("", name) or name.startswith(f"{held}.") for held in self._frozen)

    def hold(self, *, freeze: str | int, batch_norm: str) -> None:
        """Keep parts as they are, as the config keys `training.freeze` and `training.encoder_batch_norm` say.

        Args:
            freeze: `none`; `encoder`, all layers; or how many of the first stages.
            batch_norm: `train`; or `eval`, the statistics of all batch normalisation.
        """
        if freeze == "encoder":
            self._freeze([""])
        elif freeze != "none":
            self._freeze(name for stage in self.stages[:freeze] for name in stage)
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
        for name, layer in self.layers.named_modules():
            if self._is_frozen(name) or (self._keeps_statistics and isinstance(layer, _BatchNorm)):
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
