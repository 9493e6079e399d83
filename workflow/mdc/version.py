"""The project's version; a test compares it with pyproject.toml and CITATION.cff."""

VERSION = "0.1.0"
