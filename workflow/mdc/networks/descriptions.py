"""Descriptions of networks, as checkpoints keep them: everything needed to build a network again.

The classifier's is in `multi_dilation.py`, the segmenter's in `largefov.py`.
"""

from typing import Annotated, Any

from pydantic import Field
from torch import nn

from mdc.config.encoders import EncoderKeys, Stage, keys_class, known_encoders
from mdc.config.keys import Section, Unique


class Description(Section):
    """What both networks have.

    Attributes:
        stage: the network that it describes.
        classes: names of the K foreground classes, in the order of the mask indices 1, 2, ...
        encoder: its name and its other keys.
    """

    stage: Stage
    classes: Annotated[list[Annotated[str, Field(min_length=1)]], Unique] = Field(min_length=1, max_length=254)
    encoder: dict[str, Any]

    def encoder_keys(self) -> EncoderKeys:
        """Return the checked keys of the encoder; raises ValueError if there is no such encoder or they are wrong."""
        if self.encoder.get("name") not in known_encoders():
            raise ValueError(f"encoder.name: unknown encoder {self.encoder.get('name')}")
        return keys_class(self.encoder["name"]).model_validate(self.encoder)

    @property
    def has_fully_connected(self) -> bool:
        """Whether the network has LargeFOV's fc6 and fc7, which may start from pre-trained weights."""
        return False

    def build(self) -> nn.Module:
        """Return the network, randomly initialised."""
        raise NotImplementedError
