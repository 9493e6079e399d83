"""Putting configurations on top of each other as Snakemake does."""

import copy


def merged(base: dict, overlay: dict) -> dict:
    """Return `base` with `overlay` on top, section by section, as Snakemake merges config files."""
    result = copy.deepcopy(base)
    for key, value in overlay.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else copy.deepcopy(value)
    return result
