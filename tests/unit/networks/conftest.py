"""An encoder beside the library's."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mdc.config.encoders import PACKAGE, known_encoders

FOLDER = Path(__file__).with_name("encoders")


@pytest.fixture
def tiny_encoder(monkeypatch) -> Iterator[None]:
    """Make `encoders/tiny.py` an encoder, as if its file lay beside the library's."""
    package = importlib.import_module(PACKAGE)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(FOLDER)])
    known_encoders.cache_clear()
    yield
    known_encoders.cache_clear()
    sys.modules.pop(f"{PACKAGE}.tiny", None)
    package.__dict__.pop("tiny", None)
