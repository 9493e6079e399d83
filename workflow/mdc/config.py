"""Checking the configuration before anything runs."""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from mdc.contradictions import contradictions
from mdc.errors import InputError, listing

_FROM_TEXT = {
    "integer": int,
    "number": lambda text: float(text) if set(text) & set(".eE") else int(text),
    "boolean": lambda text: {"true": True, "false": False}[text.lower()],
}
SCHEMA = Path(__file__).parents[1] / "schemas" / "config.schema.yaml"


def load_schema() -> dict[str, Any]:
    """Return the schema of the configuration."""
    return yaml.safe_load(SCHEMA.read_text())


def _sentence(error: ValidationError) -> list[str]:
    where = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        lines = []
        for key in error.instance.keys() - known.keys():
            close = difflib.get_close_matches(str(key), known, n=1)
            if "." in str(key):
                first, rest = str(key).split(".", 1)
                lines.append(f"{key}: keys are nested in YAML: write {first}: {{{rest}: ...}}")
                continue
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
            lines.append(f"{f'{where}.' if where else ''}{key}: there is no such key; {hint}")
        return lines
    meaning = error.schema.get("description", "")
    if error.validator == "pattern" and meaning:
        return [f"{where}: '{error.instance}' is not possible: {meaning}"]
    return [f"{where or 'configuration'}: {error.message}" + (f" ({meaning})" if meaning else "")]


def typed(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> Any:
    """Return a configuration in which numbers and booleans that came as text, or the reverse, have the schema's type.

    Snakemake hands on everything inside a nested `--config key={...}` as text, and YAML reads `1e-3` as text, and a
    key without a value as None. Text that is no such value stays as it is, for `check_config` to complain about. In
    paths (`format: path` in the schema) `~` becomes the home folder.
    """
    root = schema if root is None else root
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    if isinstance(value, Mapping):
        known, other = schema.get("properties", {}), schema.get("additionalProperties") or {}
        return {str(key): typed(item, known.get(key, other), root) for key, item in value.items()}
    if isinstance(value, list):
        return [typed(item, schema.get("items", {}), root) for item in value]
    if schema.get("type") == "string" and value is None:
        return ""
    if schema.get("format") == "path" and isinstance(value, str):
        return os.path.expanduser(value)
    if schema.get("type") == "string" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    kind = schema.get("type")
    kind = "number" if kind == ["number", "string"] else kind  # where a word stands beside numbers
    if isinstance(value, str) and kind in _FROM_TEXT:
        try:
            return _FROM_TEXT[kind](value)
        except (ValueError, KeyError):
            return value
    return value


def check_config(config: Mapping[str, Any]) -> None:
    """Raise `InputError` with a line per wrong key, or return.

    Checks the schema and what a schema cannot say: that keys fit each other and that files named in it exist.
    """
    problems = []
    for error in sorted(Draft202012Validator(load_schema()).iter_errors(config), key=lambda e: str(e.absolute_path)):
        problems += _sentence(error)
    if not problems:
        problems = list(contradictions(config))
    if problems:
        raise InputError(listing("the configuration cannot be used:", problems))
