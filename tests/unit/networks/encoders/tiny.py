"""An encoder in one file: patches of 6 x 6 pixels, seen one by one, and a layer that has no pre-trained weights."""

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from mdc.config.encoders import EncoderKeys, Stage
from mdc.config.keys import Channels

if TYPE_CHECKING:
    from mdc.networks.encoder import Encoder, Pretrained

PATCH = 6
MEAN, STD = (0.5, 0.4, 0.3), (0.25, 0.5, 0.2)


class Keys(EncoderKeys):
    """Two layers; features sit in the middles of the patches."""

    name: Literal["tiny"] = Field("tiny", description="Tiny.")
    width: Channels = Field(8, description="Channels.")
    frozen: bool = Field(False, description="Whether the layer of the patches is not trained.")

    @property
    def normalises_batches(self) -> bool:
        return True

    def stride(self, stage: Stage) -> int:
        return PATCH

    def offset(self, stage: Stage) -> float:
        return (PATCH - 1) / 2

    def build(self, stage: Stage) -> "Encoder":
        from torch import nn

        from mdc.networks.encoder import Encoder
        from mdc.networks.grid import Grid

        patches = nn.Conv2d(3, self.width, PATCH, stride=PATCH)
        mixing = nn.Sequential(nn.BatchNorm2d(self.width), nn.Conv2d(self.width, self.width, 1))
        return Encoder(
            nn.Sequential(OrderedDict(patches=patches, mixing=mixing)),
            channels=self.width,
            grid=Grid(PATCH, self.offset(stage)),
            mean=MEAN,
            std=STD,
            new=[mixing],
            frozen=[patches] if self.frozen else [],
        )

    def read_pretrained(self, path: Path, *, with_fully_connected: bool) -> "Pretrained":
        from mdc.networks.encoder import Pretrained
        from mdc.networks.weight_files import read_torch

        state = read_torch(path)
        uses = {name: "encoder" if name.startswith("patches.") else "unused" for name in state}
        used = {name: state[name] for name, use in uses.items() if use == "encoder"}
        return Pretrained(state=used, mean=(0.1, 0.2, 0.3), std=STD, uses=uses)
