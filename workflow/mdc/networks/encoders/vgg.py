"""VGG (Simonyan & Zisserman 2015) with the pooling and dilation of MDC and LargeFOV; by default the paper's VGG16."""

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from mdc.config.encoders import EncoderKeys, Stage, WeightsFile
from mdc.config.keys import Channels, Dilation, Int
from mdc.config.networks import Norm

if TYPE_CHECKING:
    from mdc.config.networks import Segmenter
    from mdc.networks.encoder import Encoder, Pretrained

VGG16_WIDTHS, VGG16_DEPTHS = (64, 128, 256, 512, 512), (2, 2, 3, 3, 3)
LARGEFOV_FC_WIDTH = 1024  # of VGG16's 4096, as DeepLab-LargeFOV takes them
SEGMENTER_STRIDE, SEGMENTER_CONV5_DILATION = 8, 2  # DeepLab-LargeFOV
WITHOUT_FC = "IMAGENET1K_FEATURES"


class Keys(EncoderKeys):
    """Five stages of 3x3 convolutions; pooling layers are 3x3 with padding 1, so that the grid's offset is 0."""

    published: ClassVar = {
        "IMAGENET1K_V1": WeightsFile(
            url="https://download.pytorch.org/models/vgg16-397923af.pth",
            hash="sha256:397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
            megabytes=554,
        ),
        WITHOUT_FC: WeightsFile(
            url="https://download.pytorch.org/models/vgg16_features-amdegroot-88682ab5.pth",
            hash="sha256:88682ab5",
            megabytes=554,
        ),
    }

    not_in_state: ClassVar = {"weights", "weights_input", "output_stride", "keep_stride1_pools", "conv5_dilation"}

    name: Literal["vgg"] = Field("vgg", description="VGG.")
    widths: list[Channels] = Field(
        list(VGG16_WIDTHS), min_length=5, max_length=5, description="Channels of the five stages (paper 3.2: VGG16)."
    )
    depths: list[Annotated[Int, Field(ge=1, le=100)]] = Field(
        list(VGG16_DEPTHS), min_length=5, max_length=5, description="Convolutions of the five stages."
    )
    norm: Norm = Field("none", description="Normalisation after every convolution.")
    output_stride: Literal[4, 8, 16] = Field(
        8,
        description="Pixels between neighbouring features (paper 3.2: one pooling layer removed; pool4, by giving it "
        "stride 1, is our choice). The segmenter's is 8 at most.",
    )
    keep_stride1_pools: bool = Field(
        True,
        description="Whether pooling layers without stride are kept, with the average pooling after pool5. As DeepLab.",
    )
    conv5_dilation: Dilation = Field(
        1, description="Dilation of the last stage of the classifier (our choice); the segmenter's is 2, as DeepLab's."
    )
    weights_input: Literal["auto", "torchvision", "caffe_rgb", "caffe_bgr"] = Field(
        "auto",
        description="Input that the weights expect. auto: inferred from the file; torchvision: RGB in 0..1, "
        "standardised; caffe_rgb, caffe_bgr: 0..255 less the mean colour, channels in this order.",
    )

    @property
    def _is_vgg16(self) -> bool:
        return (tuple(self.widths), tuple(self.depths), self.norm) == (VGG16_WIDTHS, VGG16_DEPTHS, "none")

    @property
    def words(self) -> str:
        if self._is_vgg16:
            return "VGG16"
        numbers = [" ".join(map(str, values)) for values in (self.widths, self.depths)]
        return f"VGG of widths {numbers[0]}, depths {numbers[1]} and norm {self.norm}"

    @property
    def normalises_batches(self) -> bool:
        return self.norm == "batch"

    @property
    def stage_count(self) -> int:
        return len(self.depths)

    def stride(self, stage: Stage) -> int:
        return self.output_stride if stage == "classifier" else min(self.output_stride, SEGMENTER_STRIDE)

    def described(self, stage: Stage, *, pretrained: bool) -> dict[str, Any]:
        unused = {"weights"} if pretrained else {"weights", "weights_input"}
        return self.model_dump(exclude=unused | ({"conv5_dilation"} if stage == "segmenter" else set()))

    def problems(self, *, stage: Stage, init: str, segmenter: "Segmenter | None") -> Iterator[str]:
        if init != "pretrained":
            return
        if not self._is_vgg16:
            yield (
                f"{stage}.init: pretrained weights fit VGG16 only: encoder {{widths: {list(VGG16_WIDTHS)}, depths: "
                f"{list(VGG16_DEPTHS)}, norm: none}}"
            )
        if segmenter is None or segmenter.head == "plain":
            return
        if (segmenter.fc_width, segmenter.fc_norm) != (LARGEFOV_FC_WIDTH, "none"):
            yield (
                f"segmenter.init: pretrained takes VGG16's fc6 and fc7: set segmenter.fc_width to {LARGEFOV_FC_WIDTH} "
                "and segmenter.fc_norm to none"
            )
        if self.published_name == WITHOUT_FC:
            yield (
                f"encoder.weights: {WITHOUT_FC} has no fc6 and fc7, which segmenter.init pretrained needs: take "
                "IMAGENET1K_V1 or a file of your own, or set segmenter.init to classifier"
            )

    def build(self, stage: Stage) -> "Encoder":
        from torch import nn

        from mdc.networks.encoder import IMAGENET_MEAN, IMAGENET_STD, Encoder
        from mdc.networks.grid import Grid
        from mdc.networks.layers import normalisation

        layers: dict[str, nn.Module] = {}  # by name, so that weights fit whatever pooling layers are left out
        stages: list[list[str]] = []
        channels, stride = 3, 1
        for number, (width, depth) in enumerate(zip(self.widths, self.depths, strict=True), start=1):
            is_last = number == len(self.widths)
            dilation, before = 1, len(layers)
            if is_last:
                dilation = self.conv5_dilation if stage == "classifier" else SEGMENTER_CONV5_DILATION
            for index in range(1, depth + 1):
                conv = nn.Conv2d(channels, width, 3, padding=dilation, dilation=dilation, bias=self.norm == "none")
                nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
                if conv.bias is not None:
                    nn.init.zeros_(conv.bias)
                layers[f"conv{number}_{index}"] = conv
                layers |= {f"norm{number}_{index}": layer for layer in normalisation(self.norm, width)}
                layers[f"relu{number}_{index}"] = nn.ReLU(inplace=True)
                channels = width
            stages.append(list(layers)[before:])
            if is_last and stage == "classifier":
                break  # paper 3.2: everything after conv5_3 is dropped
            step = 2 if stride < self.stride(stage) and not is_last else 1
            if step == 2 or self.keep_stride1_pools:
                layers[f"pool{number}"] = nn.MaxPool2d(3, stride=step, padding=1)
            stride *= step
        if stage == "segmenter" and self.keep_stride1_pools:
            layers["pool5a"] = nn.AvgPool2d(3, stride=1, padding=1)  # DeepLab-LargeFOV
        modules = nn.Sequential(OrderedDict(layers))
        return Encoder(
            modules, channels=channels, grid=Grid(stride), mean=IMAGENET_MEAN, std=IMAGENET_STD, stages=stages
        )

    def read_pretrained(self, path: Path, *, with_fully_connected: bool) -> "Pretrained":
        from mdc.networks.vgg16_files import read_vgg16

        return read_vgg16(path, weights_input=self.weights_input, with_fully_connected=with_fully_connected)
