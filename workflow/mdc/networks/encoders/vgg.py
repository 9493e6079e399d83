"""VGG convolutional layers (Simonyan & Zisserman 2015) with the pooling and dilation that MDC and LargeFOV use."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from mdc.networks.layers import normalisation
from mdc.runtime.errors import InputError

# Numbers of the convolutions in torchvision's `vgg16().features`, stage by stage.
TORCHVISION_CONVOLUTIONS = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
VGG16_WIDTHS = (64, 128, 256, 512, 512)
VGG16_DEPTHS = (2, 2, 3, 3, 3)


class Backbone(nn.Module):
    """Five VGG stages; features at `stride` pixels, feature (i, j) on pixel (stride * i, stride * j).

    Pooling layers are 3x3 with padding 1. The first ones have stride 2 until `output_stride` is reached, the later
    ones stride 1 (paper §3.2 removes one pooling layer: 8 instead of 16).

    Args:
        widths, depths: channels and convolutions of the five stages.
        norm: `none` (as VGG16), `batch` or `group` normalisation after every convolution.
        output_stride: 4, 8 or 16.
        keep_stride1_pools: keep the pooling layers that have lost their stride (as DeepLab does) or leave them out.
        conv5_dilation: dilation of the last stage.
        for_segmenter: the segmenter's variant: stride 8 at most, and pooling after conv5.
    """

    mean = (0.485, 0.456, 0.406)
    std = (0.229, 0.224, 0.225)

    def __init__(
        self,
        *,
        widths: Sequence[int],
        depths: Sequence[int],
        norm: str,
        output_stride: int,
        keep_stride1_pools: bool,
        conv5_dilation: int,
        for_segmenter: bool,
    ) -> None:
        super().__init__()
        if for_segmenter:
            output_stride = min(output_stride, 8)
        self.widths, self.depths, self.norm = tuple(widths), tuple(depths), norm
        self.out_channels = widths[-1]
        self.stride = 1
        layers: dict[str, nn.Module] = {}  # by name, so that weights fit whatever pooling layers are left out
        self.convolutions: list[list[nn.Conv2d]] = []
        channels = 3
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            dilation = conv5_dilation if stage == 4 else 1
            self.convolutions.append([])
            for number in range(depth):
                conv = nn.Conv2d(channels, width, 3, padding=dilation, dilation=dilation, bias=norm == "none")
                nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
                if conv.bias is not None:
                    nn.init.zeros_(conv.bias)
                self.convolutions[-1].append(conv)
                name = f"{stage + 1}_{number + 1}"
                layers[f"conv{name}"] = conv
                layers |= {f"norm{name}": layer for layer in normalisation(norm, width)}
                layers[f"relu{name}"] = nn.ReLU(inplace=True)
                channels = width
            if stage == 4 and not for_segmenter:
                break  # §3.2: everything after conv5_3 is dropped
            step = 2 if self.stride < output_stride and stage < 4 else 1
            if step == 2 or keep_stride1_pools:
                layers[f"pool{stage + 1}"] = nn.MaxPool2d(3, stride=step, padding=1)
            self.stride *= step
        if for_segmenter and keep_stride1_pools:
            layers["pool5a"] = nn.AvgPool2d(3, stride=1, padding=1)  # DeepLab-LargeFOV
        self.layers = nn.Sequential(OrderedDict(layers))

    def forward(self, images: Tensor) -> Tensor:
        """Return features (N, out_channels, h, w) of standardised images (N, 3, H, W), sides 8k + 1."""
        return self.layers(images)

    @torch.no_grad()
    def load_imagenet(self, state: Mapping[str, Tensor], *, source: Path | str = "the weights") -> list[str]:
        """Copy VGG16's 13 convolutions from a state with torchvision's key names; return the keys that were used.

        `source` names the file in messages.

        Raises:
            InputError: this trunk is not VGG16's size, or a key is missing, of another shape or not finite.
        """
        if (self.widths, self.depths, self.norm) != (VGG16_WIDTHS, VGG16_DEPTHS, "none"):
            raise InputError(
                "ImageNet weights fit only VGG16 itself (backbone.widths 64 128 256 512 512, depths 2 2 3 3 3, "
                "norm none): set classifier.init and segmenter.init to another value for a slim backbone"
            )
        used = []
        for stage, numbers in zip(self.convolutions, TORCHVISION_CONVOLUTIONS, strict=True):
            for conv, number in zip(stage, numbers, strict=True):
                for kind in ("weight", "bias"):
                    used.append(f"features.{number}.{kind}")
                    getattr(conv, kind).copy_(checked(state, used[-1], getattr(conv, kind).shape, source=source))
        return used


def checked(
    state: Mapping[str, Tensor], key: str, shape: torch.Size | tuple[int, ...], *, source: Path | str = "the weights"
) -> Tensor:
    """Return `state[key]` as float32, known to have `shape` and finite values; `source` names the file in messages.

    Raises:
        InputError: it is missing, no plain tensor of floating-point numbers, of another shape or not finite.
    """
    if key not in state:
        raise InputError(f"{source}: there is no tensor {key}: this is no file with VGG16's weights")
    tensor = state[key]
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point() or tensor.layout != torch.strided:
        raise InputError(f"{source}: {key} is no plain tensor of floating-point numbers: name another file")
    if tuple(tensor.shape) != tuple(shape):
        raise InputError(f"{source}: {key} is {tuple(tensor.shape)}, expected {tuple(shape)}")
    tensor = tensor.float()  # before the check: what is finite in 64 bits need not be in 32
    if tensor.is_meta or not torch.isfinite(tensor).all():
        raise InputError(
            f"{source}: {key} holds values that are not finite; fully connected layers of torchvision's "
            "IMAGENET1K_FEATURES are so, which the segmenter cannot start from: name another file"
        )
    return tensor
