"""The segmentation network: DeepLab-LargeFOV (Chen et al. 2014) as in paper §4.1, or an encoder with a plain head."""

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from mdc.config.keys import Channels, Dilation, Float, Pixels
from mdc.config.networks import Norm
from mdc.networks.descriptions import Description
from mdc.networks.encoder import Encoder
from mdc.networks.layers import init_new_layers, normalisation


class SegmentationNetwork(nn.Module):
    """An encoder and a head, whose last layer, `score`, gives the class scores."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def new_parameters(self) -> set[Tensor]:
        """Return the parameters without pre-trained weights."""
        return self.encoder.new_parameters().union(self.score.parameters())

    def forward(self, standardised: Tensor) -> Tensor:
        """Return class scores (logits) (N, C, h, w) of standardised images (N, 3, H, W)."""
        return self.from_features(self.encoder(standardised))

    def from_features(self, features: Tensor) -> Tensor:
        """Return class scores (logits) (N, C, h, w) of the encoder's features (N, channels, h, w)."""
        raise NotImplementedError


class PlainHead(SegmentationNetwork):
    """An encoder, dropout and a 1x1 convolution to the class scores; the arguments are as of `LargeFov`."""

    def __init__(self, *, encoder: Encoder, classes: int, dropout: float) -> None:
        super().__init__(encoder)
        self.dropout = nn.Dropout(dropout)
        self.score = nn.Conv2d(encoder.channels, classes, 1)
        init_new_layers([self.score])

    def from_features(self, features: Tensor) -> Tensor:
        return self.score(self.dropout(features))


class LargeFov(SegmentationNetwork):
    """An encoder, fc6 with a large dilation, fc7 and the class scores.

    Args:
        encoder: built for the segmenter.
        classes: number of classes C, background included.
        fc_width: channels of fc6 and fc7.
        fc6_dilation: of the 3x3 convolution fc6.
        dropout: probability after fc6 and after fc7.
        norm: normalisation after fc6 and fc7: `none`, `batch` or `group`.
    """

    def __init__(
        self, *, encoder: Encoder, classes: int, fc_width: int, fc6_dilation: int, dropout: float, norm: str
    ) -> None:
        super().__init__(encoder)
        bias = norm == "none"
        self.fc6 = nn.Conv2d(encoder.channels, fc_width, 3, padding=fc6_dilation, dilation=fc6_dilation, bias=bias)
        self.fc7 = nn.Conv2d(fc_width, fc_width, 1, bias=bias)
        self.score = nn.Conv2d(fc_width, classes, 1)
        self.after_fc6 = nn.Sequential(*normalisation(norm, fc_width), nn.ReLU(inplace=True), nn.Dropout(dropout))
        self.after_fc7 = nn.Sequential(*normalisation(norm, fc_width), nn.ReLU(inplace=True), nn.Dropout(dropout))
        for conv in (self.fc6, self.fc7):
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            if bias:
                nn.init.zeros_(conv.bias)
        init_new_layers([self.score])
        self.has_pretrained_fc = False

    @torch.no_grad()
    def start_fully_connected(self, tensors: Mapping[str, Tensor]) -> None:
        """Give fc6 and fc7 pre-trained weights, named as in this network's state; they then no longer count as new."""
        own = self.state_dict()
        for name, tensor in tensors.items():
            own[name].copy_(tensor)
        self.has_pretrained_fc = True

    def new_parameters(self) -> set[Tensor]:
        """Return the parameters without pre-trained weights: of the class scores, fc6, fc7 and new encoder layers."""
        fully_connected = [] if self.has_pretrained_fc else [self.fc6, self.after_fc6, self.fc7, self.after_fc7]
        return super().new_parameters().union(*(layer.parameters() for layer in fully_connected))

    def from_features(self, features: Tensor) -> Tensor:
        return self.score(self.after_fc7(self.fc7(self.after_fc6(self.fc6(features)))))


class SegmenterDescription(Description):
    """What the segmentation network is built from; the keys are explained in `mdc.config.networks.Segmenter`.

    Attributes:
        max_side_px: the longest side of a photo in training, to which longer ones are reduced before the network.
    """

    stage: Literal["segmenter"] = "segmenter"
    head: Literal["largefov", "plain"] = "largefov"  # older checkpoints do not have it
    fc_width: Channels
    fc6_dilation: Dilation
    fc_norm: Norm
    dropout: Annotated[Float, Field(ge=0, lt=1)]
    max_side_px: Pixels

    @property
    def has_fully_connected(self) -> bool:
        return self.head == "largefov"

    def build(self) -> SegmentationNetwork:
        """Return the segmenter, randomly initialised."""
        encoder, classes = self.encoder_keys().build("segmenter"), len(self.classes) + 1
        if self.head == "plain":
            return PlainHead(encoder=encoder, classes=classes, dropout=self.dropout)
        return LargeFov(
            encoder=encoder,
            classes=classes,
            fc_width=self.fc_width,
            fc6_dilation=self.fc6_dilation,
            dropout=self.dropout,
            norm=self.fc_norm,
        )
