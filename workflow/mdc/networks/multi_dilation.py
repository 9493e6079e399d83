"""The classification network with multi-dilated convolution (paper §3.2, figure 3)."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mdc.networks.encoders import build_backbone
from mdc.networks.layers import Standardise, init_new_layers, normalisation


class MultiDilationClassifier(nn.Module):
    """A trunk followed by parallel blocks of different dilation, each with its own image-level prediction.

    A block is one 3x3 convolution and a ReLU (with the trunk's normalisation between them); then global average
    pooling and a fully connected layer to the classes, one per block or one shared by all.

    Args:
        trunk: a backbone (see `mdc.networks.encoders`).
        dilations: one per block; `H_0` of the paper is block 0.
        classes: number of foreground classes K.
        block_width: channels of each block.
        head: `per_block` or `shared`.
        norm: normalisation inside the blocks: `none`, `batch` or `group`.
    """

    def __init__(
        self, *, trunk: nn.Module, dilations: Sequence[int], classes: int, block_width: int, head: str, norm: str
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.dilations = tuple(dilations)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(trunk.out_channels, block_width, 3, padding=d, dilation=d, bias=norm == "none"),
                *normalisation(norm, block_width),
                nn.ReLU(inplace=True),
            )
            for d in dilations
        )
        self.heads = nn.ModuleList(
            nn.Linear(block_width, classes) for _ in (dilations if head == "per_block" else dilations[:1])
        )
        init_new_layers([*self.blocks.modules(), *self.heads])
        self.standardise = Standardise(trunk.mean, trunk.std)

    def new_parameters(self) -> set[Tensor]:
        """Return the parameters of the layers that the paper adds to the pre-trained trunk."""
        return {*self.blocks.parameters(), *self.heads.parameters()}

    def _head(self, block: int) -> nn.Linear:
        return self.heads[block if len(self.heads) > 1 else 0]

    def forward(self, standardised: Tensor) -> Tensor:
        """Return logits (N, D, K) of standardised images (N, 3, H, W)."""
        features = self.trunk(standardised)
        return torch.stack([self._head(i)(block(features).mean((2, 3))) for i, block in enumerate(self.blocks)], dim=1)

    def maps_and_logits(self, standardised: Tensor) -> tuple[Tensor, Tensor]:
        """Return class activation maps (N, D, K, h, w), unbounded, and logits (N, D, K).

        The map of class c and block i is `H_i^c(u) = sum_k w_{i,k}^c f_{i,k}(u)` (CAM, Zhou et al. 2016), without the
        bias: its mean over u is the logit less the bias.
        """
        features = self.trunk(standardised)
        maps, logits = [], []
        for index, block in enumerate(self.blocks):
            head = self._head(index)
            activations = block(features)  # (N, block_width, h, w)
            maps.append(nn.functional.conv2d(activations, head.weight[:, :, None, None]))
            logits.append(head(activations.mean((2, 3))))
        return torch.stack(maps, dim=1), torch.stack(logits, dim=1)


def build_classifier(
    *,
    backbone: dict[str, Any],
    conv5_dilation: int,
    dilations: Sequence[int],
    classes: int,
    block_width: int,
    head: str,
) -> MultiDilationClassifier:
    """Return the classifier that the config describes, randomly initialised."""
    trunk = build_backbone(for_segmenter=False, conv5_dilation=conv5_dilation, **backbone)
    return MultiDilationClassifier(
        trunk=trunk,
        dilations=dilations,
        classes=classes,
        block_width=block_width,
        head=head,
        norm=backbone["norm"],
    )
