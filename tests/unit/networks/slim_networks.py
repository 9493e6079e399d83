"""The descriptions of the smallest networks, for the tests of all that uses one."""

from typing import Any

from mdc.networks.largefov import SegmenterDescription
from mdc.networks.multi_dilation import ClassifierDescription
from tests.conftest import SLIM_ENCODER

DESCRIPTIONS = {"classifier": ClassifierDescription, "segmenter": SegmenterDescription}


def slim_encoder(**changes: Any) -> dict[str, Any]:
    """Return the config section `encoder` of `SLIM_ENCODER` with changes."""
    return SLIM_ENCODER | changes


def slim_classifier(**changes: Any) -> ClassifierDescription:
    """Return a classifier of the classes a and b with two blocks of 8 channels, with changes."""
    fixed = {
        "classes": ["a", "b"],
        "encoder": SLIM_ENCODER,
        "dilations": [1, 3],
        "block_width": 8,
        "block_norm": "none",
        "head": "per_block",
    }
    return ClassifierDescription(**fixed | changes)


def slim_segmenter(**changes: Any) -> SegmenterDescription:
    """Return a segmenter of the classes a and b with 8 channels, with changes."""
    fixed = {
        "classes": ["a", "b"],
        "encoder": SLIM_ENCODER,
        "fc_width": 8,
        "fc6_dilation": 2,
        "fc_norm": "none",
        "dropout": 0.5,
        "max_side_px": 1024,
    }
    return SegmenterDescription(**fixed | changes)
