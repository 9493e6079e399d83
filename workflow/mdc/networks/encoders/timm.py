"""Any model of the library timm that gives features: dilated to the output stride, or a vision transformer's patches.

https://huggingface.co/docs/timm lists them. Where the features of one sit is measured once and remembered, since
importing timm takes seconds and every start of the workflow asks.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from mdc.config.encoders import EncoderKeys, Stage
from mdc.config.keys import Int
from mdc.runtime.errors import InputError
from mdc.runtime.files import write_whole
from mdc.runtime.hashes import file_digest

if TYPE_CHECKING:
    from mdc.config.networks import Segmenter
    from mdc.networks.encoder import Encoder, Pretrained

MEASURED_BY = Path(__file__).parents[1] / "timm_models.py"


class Keys(EncoderKeys):
    """Stride and offset of the grid are read from the model."""

    same_for_both: ClassVar[bool] = True
    not_in_state: ClassVar = {"weights", "output_stride"}

    name: Literal["timm"] = Field("timm", description="A model of timm.")
    model: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?$")] = Field(
        "tf_efficientnet_lite0",
        description="Its name there, such as convnext_tiny or vit_small_patch14_dinov2. Add the tag of your weights, "
        "as in vit_base_patch16_clip_224.openai: it decides how the input is standardised.",
    )
    output_stride: Literal[8, 16, 32] | None = Field(
        None,
        description="Pixels between neighbouring features, by dilation; empty: 8, or a vision transformer's patch.",
    )
    stage: Int = Field(
        -1,
        ge=-100,
        le=100,
        description="Stage, or block of a vision transformer, whose features are taken, from 0; -1: the last one.",
    )

    @property
    def normalises_batches(self) -> bool:
        return self._facts()["normalises_batches"]

    @property
    def stage_count(self) -> int:
        return self._facts()["stages"]

    def stride(self, stage: Stage) -> int:
        return self._facts()["stride"]

    def offset(self, stage: Stage) -> float:
        return self._facts()["offset"]

    def problems(self, *, stage: Stage, init: str, segmenter: "Segmenter | None") -> Iterator[str]:
        try:
            self._facts()
        except InputError as error:
            yield str(error)
        if init == "pretrained" and not self.weights:
            yield (
                "encoder.weights: timm's models have no published weights here: name a file, package:<name>, or a "
                f"name of downloads.weights with urls and hash, or set {stage}.init to random"
            )

    def build(self, stage: Stage) -> "Encoder":
        from mdc.networks.timm_models import build_encoder

        return build_encoder(self.model, output_stride=self.output_stride, stage=self.stage, facts=self._facts())

    def read_pretrained(self, path: Path, *, with_fully_connected: bool) -> "Pretrained":
        from mdc.networks.timm_models import read_weights

        return read_weights(path, self.model, output_stride=self.output_stride, stage=self.stage)

    def _facts(self) -> dict:
        return _facts(self.model, self.output_stride, self.stage)


@cache
def _facts(model: str, output_stride: int | None, stage: int) -> dict:
    """Return the fields of `mdc.networks.timm_models.Facts`, from the user's cache where they lie there.

    Raises:
        InputError: the model does not fit.
    """
    name = f"{model} {output_stride} {stage} timm {version('timm')} {file_digest(MEASURED_BY)}.json".replace(" ", "-")
    remembered = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "mdc", name)
    try:
        return json.loads(remembered.read_text())
    except (OSError, ValueError):  # not yet, or damaged
        pass
    from mdc.networks.timm_models import measured

    facts = asdict(measured(model, output_stride=output_stride, stage=stage))
    try:
        write_whole(remembered, json.dumps(facts).encode())
    except (OSError, InputError):  # a home that cannot be written to: the next start measures again
        pass
    return facts
