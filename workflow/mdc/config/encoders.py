"""Encoders by name: each is a file of `mdc/networks/encoders`, which says its own keys and builds itself.

This is what every start of the workflow needs of an encoder, so nothing here imports PyTorch; an encoder's file imports
it inside its methods for the same reason.
"""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from mdc.config.keys import PathText, Section

if TYPE_CHECKING:
    from mdc.config.networks import Segmenter
    from mdc.networks.encoder import Encoder, Pretrained

PACKAGE = "mdc.networks.encoders"
Stage = Literal["classifier", "segmenter"]


@dataclass(frozen=True)
class WeightsFile:
    """A published file with pre-trained weights: its address, its hash (`mdc.runtime.hashes`) and its size in MB."""

    url: str
    hash: str
    megabytes: float


class EncoderKeys(Section):
    """The keys of the section `encoder`, and what follows from them. `Keys` of an encoder's file has more.

    Attributes:
        published: pre-trained weights that can be downloaded, by their name; the first is the default.
        not_in_state: keys that may differ between two encoders of which one starts from the other's state.
        same_for_both: whether the classifier and the segmenter have the same layers.
    """

    published: ClassVar[Mapping[str, WeightsFile]] = {}
    not_in_state: ClassVar[Set[str]] = {"weights"}
    same_for_both: ClassVar[bool] = False

    name: str = Field(description="The encoder: a file of workflow/mdc/networks/encoders.")
    weights: PathText = Field(
        "",
        description="Pre-trained weights for init pretrained: a published name, package:<name> of an installed Python "
        "package that ships them, or your file; empty: the first name.",
    )

    def described(self, stage: Stage, *, pretrained: bool) -> dict[str, Any]:
        """Return the keys that a network depends on; `pretrained` says whether it starts from `weights`.

        Other keys must not make it train again when they change. The file of the weights itself is not among them.
        """
        return self.model_dump(exclude={"weights"})

    @property
    def words(self) -> str:
        """Return the encoder's description for captions."""
        return self.name

    @property
    def published_name(self) -> str:
        """The name of the published weights to start from; empty where `weights` is a file."""
        if not self.weights:
            return next(iter(self.published), "")
        return self.weights if self.weights in self.published else ""

    @property
    def normalises_batches(self) -> bool:
        """Whether a training step needs several images at a time."""
        return False

    @property
    def stage_count(self) -> int:
        """Of how many stages, in order, `training.freeze` can keep the first ones, see `Encoder.stages`."""
        return 1

    def stride(self, stage: Stage) -> int:
        """Return the pixels between neighbouring features in the classifier or the segmenter."""
        raise NotImplementedError

    def offset(self, stage: Stage) -> float:
        """Return the pixel on which the first feature sits, as `mdc.networks.grid.Grid` has it."""
        return 0

    def can_start_from(self, other: "EncoderKeys") -> bool:
        """Return whether an encoder of these keys has the state of one of the `other` keys."""
        return self.model_dump(exclude=self.not_in_state) == other.model_dump(exclude=other.not_in_state)

    def problems(self, *, stage: Stage, init: str, segmenter: "Segmenter | None") -> Iterator[str]:
        """Yield a sentence for each reason why this encoder cannot be used so.

        Args:
            stage: the network that uses it.
            init: its config key; `pretrained` starts from `weights`.
            segmenter: the section of that name; None for a classifier.
        """
        if init == "pretrained" and not self.weights and not self.published:
            yield f"encoder.weights: {self.name} has no published weights: name a file, or set {stage}.init to random"

    def build(self, stage: Stage) -> "Encoder":
        """Return the encoder of one of the networks, randomly initialised; for both it has the same state keys."""
        raise NotImplementedError

    def read_pretrained(self, path: Path, *, with_fully_connected: bool) -> "Pretrained":
        """Return the pre-trained weights in a file.

        Args:
            with_fully_connected: whether the network has LargeFOV's fc6 and fc7, for encoders whose files have them.

        Raises:
            InputError: the file is missing, damaged, or not of this encoder.
        """
        raise NotImplementedError


@cache
def known_encoders() -> list[str]:
    """Return the names of all encoders, sorted."""
    folder = importlib.import_module(PACKAGE)
    return sorted(module.name for module in pkgutil.iter_modules(folder.__path__))


def keys_class(name: str) -> type[EncoderKeys]:
    """Return the keys of the encoder `name`, which is one of `known_encoders`."""
    return importlib.import_module(f"{PACKAGE}.{name}").Keys


def combined(encoder: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of an encoder with `changes`, which replace them all where they name another encoder."""
    if changes.get("name", encoder["name"]) != encoder["name"]:
        return dict(changes)
    return {**encoder, **changes}
