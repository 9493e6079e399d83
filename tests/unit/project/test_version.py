"""The project has one version, wherever it is told."""

import tomllib
from pathlib import Path

import yaml

from mdc.version import VERSION

PROJECT = Path(__file__).parents[3]


def test_the_version_is_the_same_everywhere():
    assert tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"] == VERSION
    assert yaml.safe_load((PROJECT / "CITATION.cff").read_text())["version"] == VERSION
