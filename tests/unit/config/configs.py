"""The paper's configuration with changes, as tests need it."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mdc.config.config import Config
from mdc.config.load import load_config
from mdc.config.plan import Plan
from mdc.runtime.errors import InputError
from tests.unit.overlays import merged

ROOT = Path(__file__).parents[3]
PAPER = yaml.safe_load((ROOT / "config/config.yaml").read_text())

VARIANTS = {
    "best": {"masks": {"threshold": "best"}},
    "bare": {"masks": {"threshold": "best"}, "saliency": {"source": "none"}},
    "other-fusion": {"masks": {"threshold": "best", "class_conflict": "highest"}},
    "untrained": {"cams": {"network": "untrained"}},
    "offline": {"segmenter": {"online_term": False}},
}


def nested(key: str, value: Any) -> dict[str, Any]:
    """Return the sections that lead to a dotted key, with its value."""
    for part in reversed(key.split(".")):
        value = {part: value}
    return value


def over_the_paper(*overlays: dict[str, Any]) -> dict[str, Any]:
    """Return config/config.yaml with overlays on top, as Snakemake hands it on."""
    values = copy.deepcopy(PAPER)
    for overlay in overlays:
        values = merged(values, overlay)
    return values


def config(**overlay: Any) -> Config:
    """Return the checked configuration."""
    return load_config(over_the_paper(overlay))


def problems(*overlays: dict[str, Any]) -> list[str]:
    """Return the sentences that a configuration is refused with."""
    with pytest.raises(InputError) as error:
        load_config(over_the_paper(*overlays))
    headline, *lines = str(error.value).splitlines()
    assert headline == "the configuration cannot be used:"
    return [line.strip() for line in lines]


def leaves(values: dict[str, Any], *open_keys: str, where: str = "") -> Iterator[str]:
    """Yield the dotted name of every key that is no section; `open_keys` hold names that the user chooses."""
    for key, value in values.items():
        name = f"{where}.{key}".lstrip(".")
        if isinstance(value, dict) and name not in open_keys:
            yield from leaves(value, *open_keys, where=name)
        else:
            yield name


def plan(*overlays: dict) -> Plan:
    """Return the plan of the paper's configuration with changes, unchecked."""
    return Plan(Config.model_validate(over_the_paper(*overlays)))
