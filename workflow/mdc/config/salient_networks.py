"""Trained salient-object networks: those that `saliency.model` knows by name, and the keys for any other ONNX file.

The files are those that rembg publishes (github.com/danielgatis/rembg, rembg/sessions/*.py, release v0.0.0): address,
MD5, input side, mean, spread and what is done to the output are as its code has them; licences are those of the
networks' authors. None of the four files could be downloaded where this was written: they are untried, and the code was
tried with another file of IS-Net. rembg divides by the brightest value of each photo, this by 255.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from mdc.config.encoders import WeightsFile
from mdc.config.keys import Float, Int, Section

RELEASE = "https://github.com/danielgatis/rembg/releases/download/v0.0.0"
Mean = Annotated[list[Float], Field(min_length=3, max_length=3)]
Spread = Annotated[list[Annotated[Float, Field(gt=0)]], Field(min_length=3, max_length=3)]


class Scaling(Section):
    """Input and output scaling of your own network (`saliency.model` a file or URL); known networks have theirs."""

    side_px: Int = Field(
        0, ge=0, le=4096, description="Side of the square that photos are resized to; 0: the one that the file fixes."
    )
    mean: Mean = Field([0.485, 0.456, 0.406], description="Subtracted from red, green and blue in 0..1.")
    std: Spread = Field([0.229, 0.224, 0.225], description="What they are divided by then.")
    output: Literal["probabilities", "logits"] = Field(
        "probabilities", description="What its first output is: values in 0..1, or logits."
    )
    stretch: bool = Field(
        False, description="Whether each map is stretched to 0..1. Where nothing is salient, noise becomes an object."
    )


@dataclass(frozen=True)
class KnownNetwork:
    """A published network.

    Attributes:
        file: its ONNX file.
        licence: of the weights.
        origin: its authors and paper.
    """

    file: WeightsFile
    scaling: Scaling
    licence: str
    origin: str


_U2NET = Scaling(side_px=320, stretch=True)
_ISNET = Scaling(side_px=1024, mean=[0.5, 0.5, 0.5], std=[1, 1, 1], stretch=True)
_BIREFNET = Scaling(side_px=1024, output="logits", stretch=True)
KNOWN = {
    "u2net": KnownNetwork(
        WeightsFile(f"{RELEASE}/u2net.onnx", "md5:60024c5c889badc19c04ad937298a77b", 176),
        *(_U2NET, "Apache-2.0", "U^2-Net, Qin et al., Pattern Recognition 2020"),
    ),
    "u2netp": KnownNetwork(
        WeightsFile(f"{RELEASE}/u2netp.onnx", "md5:8e83ca70e441ab06c318d82300c84806", 4.6),
        *(_U2NET, "Apache-2.0", "U^2-Net, the small one, Qin et al., Pattern Recognition 2020"),
    ),
    "isnet-general-use": KnownNetwork(
        WeightsFile(f"{RELEASE}/isnet-general-use.onnx", "md5:fc16ebd8b0c10d971d3513d564d01e29", 179),
        *(_ISNET, "Apache-2.0", "IS-Net, Qin et al., ECCV 2022"),
    ),
    "birefnet-general-lite": KnownNetwork(
        WeightsFile(
            f"{RELEASE}/BiRefNet-general-bb_swin_v1_tiny-epoch_232.onnx", "md5:4fab47adc4ff364be1713e97b7e66334", 224
        ),
        *(_BIREFNET, "MIT", "BiRefNet, Zheng et al., CAAI AIR 2024"),
    ),
}
