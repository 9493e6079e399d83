"""Names that follow from the configuration: blocks, map settings and segmenters."""

from collections.abc import Mapping, Sequence
from typing import Any


def block_names(dilations: Sequence[int]) -> list[str]:
    """Return a name per block: `d` and its dilation; from the second block of the same dilation on, `_` and a count.

    `[1, 3, 6, 9]` gives d1, d3, d6, d9 and `[1, 1]` gives d1, d1_2.
    """
    names: list[str] = []
    for index, dilation in enumerate(dilations):
        again = list(dilations[:index]).count(dilation)
        names.append(f"d{dilation}" + (f"_{again + 1}" if again else ""))
    return names


def map_settings(config: Mapping[str, Any], classifier: str) -> list[str]:
    """Return the ways to make one map per class of a classifier's blocks: each block, `fusion` and `mean`; or `own`."""
    if config["masks"]["own_masks"]:
        return ["own"]
    names = block_names(config["classifier"]["blocks"][classifier])
    return [*names, "fusion", "mean"] if len(names) > 1 else names


def segmenter_settings(config: Mapping[str, Any], classifier: str) -> list[str]:
    """Return the configured segmenters that this classifier has the maps for."""
    possible = {"true-masks", *(f"weak-{maps}" for maps in map_settings(config, classifier))}
    return [setting for setting in config["segmenter"]["settings"] if setting in possible]


def needs_classifier(config: Mapping[str, Any]) -> bool:
    """Return whether any stage uses a classifier trained here."""
    own = config["cams"]["own_maps"] or config["masks"]["own_masks"]
    return not own or config["segmenter"]["init"] == "classifier"
