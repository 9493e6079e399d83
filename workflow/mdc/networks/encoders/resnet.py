"""ResNet-50 and ResNet-101 (He et al. 2016) as torchvision has them, dilated to the output stride."""

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from mdc.config.encoders import EncoderKeys, Stage, WeightsFile

if TYPE_CHECKING:
    from mdc.config.networks import Segmenter
    from mdc.networks.encoder import Encoder, Pretrained

SEGMENTER_STRIDE = 8  # at most, as DeepLab
NO_FEATURES = ("avgpool", "fc")
STAGES = (("conv1", "bn1"), ("layer1",), ("layer2",), ("layer3",), ("layer4",))


def _published(depth: int, version: int, digits: str, megabytes: float) -> dict[str, WeightsFile]:
    url = f"https://download.pytorch.org/models/resnet{depth}-{digits}.pth"
    return {f"RESNET{depth}_V{version}": WeightsFile(url=url, hash=f"sha256:{digits}", megabytes=megabytes)}


class Keys(EncoderKeys):
    """Convolutions and pooling are symmetric, so the grid's offset is 0."""

    # torchvision's IMAGENET1K_V1 and _V2; its names of files begin with their SHA-256.
    published: ClassVar = {
        **_published(50, 1, "0676ba61", 103),
        **_published(50, 2, "11ad3fa6", 103),
        **_published(101, 1, "63fe2227", 179),
        **_published(101, 2, "cd907fc2", 179),
    }
    not_in_state: ClassVar = {"weights", "output_stride"}

    name: Literal["resnet"] = Field("resnet", description="ResNet.")
    depth: Literal[50, 101] = Field(50, description="Layers.")
    output_stride: Literal[8, 16, 32] = Field(
        8, description="Pixels between neighbouring features, by dilation. The segmenter's is 8 at most."
    )

    @property
    def published_name(self) -> str:
        return f"RESNET{self.depth}_V2" if not self.weights else super().published_name

    @property
    def normalises_batches(self) -> bool:
        return True

    @property
    def stage_count(self) -> int:
        return len(STAGES)

    def stride(self, stage: Stage) -> int:
        return self.output_stride if stage == "classifier" else min(self.output_stride, SEGMENTER_STRIDE)

    def problems(self, *, stage: Stage, init: str, segmenter: "Segmenter | None") -> Iterator[str]:
        name = self.published_name
        if init == "pretrained" and name and not name.startswith(f"RESNET{self.depth}_"):
            yield f"encoder.weights: {name} is not of depth {self.depth}: take RESNET{self.depth}_V2, or another depth"

    def build(self, stage: Stage) -> "Encoder":
        from torch import nn
        from torchvision.models import resnet

        from mdc.networks.encoder import IMAGENET_MEAN, IMAGENET_STD, Encoder
        from mdc.networks.grid import Grid

        stride = self.stride(stage)
        dilated = [False, stride < 16, stride < 32]  # of the three stages that halve the sides of features
        network = getattr(resnet, f"resnet{self.depth}")(replace_stride_with_dilation=dilated)
        layers = OrderedDict((name, part) for name, part in network.named_children() if name not in NO_FEATURES)
        return Encoder(
            nn.Sequential(layers),
            channels=network.fc.in_features,
            grid=Grid(stride),
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            stages=STAGES,
        )

    def read_pretrained(self, path: Path, *, with_fully_connected: bool) -> "Pretrained":
        from mdc.networks.encoder import IMAGENET_MEAN, IMAGENET_STD, Pretrained
        from mdc.networks.weight_files import read_tensors

        state = read_tensors(path)
        uses = {name: "unused" if name.split(".")[0] in NO_FEATURES else "encoder" for name in state}
        used = {name: tensor for name, tensor in state.items() if uses[name] == "encoder"}
        return Pretrained(state=used, mean=IMAGENET_MEAN, std=IMAGENET_STD, uses=uses)
