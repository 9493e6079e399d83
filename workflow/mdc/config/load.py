"""Checking the configuration before anything runs."""

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from mdc.config.consistency import contradictions
from mdc.runtime.errors import InputError, listing

_FROM_TEXT = {
    "integer": int,
    "number": lambda text: float(text) if set(text) & set(".eE") else int(text),
    "boolean": lambda text: {"true": True, "false": False}[text.lower()],
}
# Apart from JSON: 2.0 is no whole number, which Python cannot count with, and neither nan nor inf is a number at all.
_TYPES = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
_TYPES = _TYPES.redefine("number", lambda _, value: type(value) is int or type(value) is float and isfinite(value))
_Validator = extend(Draft202012Validator, type_checker=_TYPES)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
MOST_NODES = 100_000  # of a file, aliases counted as what they stand for
SCHEMA = Path(__file__).parents[2] / "schemas" / "config.schema.yaml"


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
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    kind = "number" if kind == ["number", "string"] else kind  # where a word stands beside numbers
    if isinstance(value, str) and kind in _FROM_TEXT:
        try:
            return _FROM_TEXT[kind](value)
        except (ValueError, KeyError):
            return value
    return value


def check_files(paths: Iterable[str | Path]) -> None:
    """Raise `InputError` with a line per problem of files of configuration that loading them hides, or return.

    These are keys that stand twice, of which YAML takes the last, and aliases that have no end or stand for millions.
    """
    problems = [problem for path in paths for problem in _file_problems(Path(path))]
    if problems:
        raise InputError(listing("the configuration cannot be used:", problems))


def _file_problems(path: Path) -> list[str]:
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        if root is not None and _nodes(root, {}) > MOST_NODES:
            return [f"{path}: has more than {MOST_NODES} values with its aliases: write it without them"]
    except RecursionError:
        return [f"{path}: an alias stands for something that holds the alias itself: remove it"]
    except yaml.YAMLError:
        return []  # a file of JSON, in which tabs are allowed: Snakemake has read it
    repeated = []
    for mapping in _mappings(root, set()) if root is not None else ():
        keys = [key for key, _ in mapping.value]
        lines = {key.value: key.start_mark.line + 1 for key in reversed(keys) if isinstance(key.value, str)}
        repeated += [
            f"{path}: the key {key.value} stands in line {lines[key.value]} and in line {key.start_mark.line + 1}: "
            "remove one"
            for key in keys
            if isinstance(key.value, str) and key.start_mark.line + 1 != lines[key.value]
        ]
    return repeated


def _nodes(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many values a node stands for; raises RecursionError if it holds itself."""
    if id(node) not in known:
        known[id(node)] = 1 + sum(_nodes(child, known) for child in _children(node))
    return known[id(node)]


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _mappings(node: yaml.Node, seen: set[int]) -> Iterator[yaml.MappingNode]:
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        yield node
    for child in _children(node):
        yield from _mappings(child, seen)


def schema_problems(value: Any, schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for everything in `value` that does not fit a schema, or that is no text a person writes."""
    for where, text in _texts(value, ""):
        if _CONTROL.search(text):
            yield f"{where}: {text!r} holds a control character: remove it"
    for error in sorted(_Validator(schema).iter_errors(value), key=lambda error: str(error.absolute_path)):
        yield from _sentence(error)


def _texts(value: Any, where: str) -> Iterator[tuple[str, str]]:
    """Yield (place, text) of all keys and values that are text."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            place = f"{where}.{key}" if where else str(key)
            yield repr(place), str(key)
            yield from _texts(item, place)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(item, f"{where}.{number}")


def check_config(config: Mapping[str, Any]) -> None:
    """Raise `InputError` with a line per wrong key, or return.

    Checks the schema and what a schema cannot say: that keys fit each other and that files named in it exist.
    """
    problems = list(schema_problems(config, load_schema()))
    if not problems:
        problems = list(contradictions(config))
    if problems:
        raise InputError(listing("the configuration cannot be used:", problems))
