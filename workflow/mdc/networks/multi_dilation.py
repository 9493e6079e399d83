"""The classification network with multi-dilated convolution (paper §3.2, figure 3)."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from mdc.config.keys import Channels
from mdc.config.networks import Dilations, Norm
from mdc.networks.descriptions import Description
from mdc.networks.encoder import Encoder
from mdc.networks.layers import init_new_layers, normalisation


class MultiDilationClassifier(nn.Module):
    """An encoder followed by parallel blocks of different dilation, each with its own image-level prediction.

    A block is one 3x3 convolution and a ReLU (with normalisation between them); then global average
    pooling and a fully connected layer to the classes, one per block or one shared by all.

    Args:
        dilations: one per block; `H_0` of the paper is block 0.
        classes: number of foreground classes K.
        block_width: channels of each block.
        head: `per_block` or `shared`.
        norm: normalisation inside the blocks: `none`, `batch` or `group`.
    """

    def __init__(
        self, *, encoder: Encoder, dilations: Sequence[int], classes: int, block_width: int, head: str, norm: str
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.dilations = tuple(dilations)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(encoder.channels, block_width, 3, padding=d, dilation=d, bias=norm == "none"),
                *normalisation(norm, block_width),
                nn.ReLU(inplace=True),
            )
            for d in dilations
        )
        self.heads = nn.ModuleList(
            nn.Linear(block_width, classes) for _ in (dilations if head == "per_block" else dilations[:1])
        )
        init_new_layers([*self.blocks.modules(), *self.heads])

    def new_parameters(self) -> set[Tensor]:
        """Return the parameters that have no pre-trained weights: of the blocks, their heads and new encoder layers."""
        return {*self.blocks.parameters(), *self.heads.parameters(), *self.encoder.new_parameters()}

    @torch.no_grad()
    def start_at_prior(self, shares: Tensor) -> None:
        """Set the biases to the log-odds of `shares` (K,), the probability of each class: maps of 0 then predict it."""
        for head in self.heads:
            head.bias.copy_(torch.logit(shares))

    def _head(self, block: int) -> nn.Linear:
        return self.heads[block if len(self.heads) > 1 else 0]

    def forward(self, standardised: Tensor) -> Tensor:
        """Return logits (N, D, K) of standardised images (N, 3, H, W)."""
        return self.from_features(self.encoder(standardised))

    def from_features(self, features: Tensor) -> Tensor:
        """Return logits (N, D, K) of the encoder's features (N, channels, h, w)."""
        return torch.stack([self._head(i)(block(features).mean((2, 3))) for i, block in enumerate(self.blocks)], dim=1)

    def maps_and_logits(self, standardised: Tensor) -> tuple[Tensor, Tensor]:
        """Return class activation maps (N, D, K, h, w), unbounded, and logits (N, D, K).

        The map of class c and block i is `H_i^c(u) = sum_k w_{i,k}^c f_{i,k}(u)` (CAM, Zhou et al. 2016), without the
        bias: its mean over u is the logit less the bias.
        """
        features = self.encoder(standardised)
        maps, logits = [], []
        for index, block in enumerate(self.blocks):
            head = self._head(index)
            activations = block(features)  # (N, block_width, h, w)
            maps.append(nn.functional.conv2d(activations, head.weight[:, :, None, None]))
            logits.append(head(activations.mean((2, 3))))
        return torch.stack(maps, dim=1), torch.stack(logits, dim=1)


class ClassifierDescription(Description):
    """Description of the multi-dilation classifier; its keys are explained in `mdc.config.networks.Classifier`."""

    stage: Literal["classifier"] = "classifier"
    dilations: Dilations
    block_width: Channels
    block_norm: Norm
    head: Literal["per_block", "shared"]

    def build(self) -> MultiDilationClassifier:
        """Return the classifier, randomly initialised."""
        return MultiDilationClassifier(
            encoder=self.encoder_keys().build("classifier"),
            dilations=self.dilations,
            classes=len(self.classes),
            block_width=self.block_width,
            head=self.head,
            norm=self.block_norm,
        )
