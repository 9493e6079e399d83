"""What is written from the keys and read by people and editors: config/config.yaml and the JSON schema."""

import json
import textwrap
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import BaseModel

from mdc.config.config import Config
from mdc.config.encoders import keys_class, known_encoders
from mdc.config.keys import Section

WIDTH, COMMENT_COLUMN = 118, 24
WORDS_OF_JSON = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
WORDS_OF_JSON |= {"multiple_of": "multipleOf"}
HEAD = """\
# The paper: Wei et al., Revisiting Dilated Convolution, CVPR 2018, on PASCAL VOC 2012. Written by `make schema` from
# workflow/mdc/config, where every key is defined; these are the defaults. Other configurations (demo.yaml, own.yaml)
# are overlays: they name only what differs.
"""


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of the configuration, for editors; each encoder has its own keys."""
    schema = Config.model_json_schema()
    encoders = [keys_class(name).model_json_schema() for name in known_encoders()]
    for encoder in encoders:
        schema["$defs"] |= encoder.pop("$defs", {})
    schema["properties"]["encoder"] |= {"anyOf": encoders}
    return _in_words_of_json({"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "MDC"} | schema)


def _in_words_of_json(node: Any) -> Any:
    """Return a schema with JSON's names of bounds: pydantic leaves its own where a number has two."""
    if isinstance(node, dict):
        return {WORDS_OF_JSON.get(key, key): _in_words_of_json(value) for key, value in node.items()}
    return [_in_words_of_json(item) for item in node] if isinstance(node, list) else node


def json_schema_text() -> str:
    """Return `json_schema` as the file holds it."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


def config_text() -> str:
    """Return config/config.yaml: every key with its default and its description."""
    return HEAD + "\n".join(_lines(Config(), "")) + "\n"


def _lines(section: Section, indent: str) -> Iterator[str]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from [*([] if indent else [""]), *_comment(field.description, indent), f"{indent}{name}:"]
            yield from _lines(value, f"{indent}  ")
        elif name == "encoder" and not indent:
            yield from ["", *_comment(field.description, indent), "encoder:", f"  name: {value['name']}"]
            keys = keys_class(value["name"])()
            # as comments: an overlay that names another encoder must not have to undo them
            for key, own in type(keys).model_fields.items():
                if key != "name":
                    yield from _described(f"{key}: {flow(getattr(keys, key))}", own.description, "  # ")
        else:
            yield from [""] if name == "variants" and not indent else []
            yield from _key(name, _plain(value), field.description, indent)


def _key(name: str, value: Any, description: str | None, indent: str) -> list[str]:
    """Return a key with its value: in one line, or an item in each where that is too long."""
    line = f"{indent}{name}: {flow(value)}"
    if len(line) <= WIDTH:
        return _described(line.removeprefix(indent), description, indent)
    items = [f"{indent}  - {flow(item)}" for item in value]
    if all(isinstance(item, (int, float)) for item in value):
        items = [f"{indent}  {flow(value)}"]
    return [*_comment(description, indent), f"{indent}{name}:", *items]


def _described(line: str, description: str | None, indent: str) -> list[str]:
    """Return a line with its description beside it, or above it where there is no room."""
    beside = f"{indent}{line:<{COMMENT_COLUMN - len(indent)}}  # {description}"
    return [beside] if len(beside) <= WIDTH else [*_comment(description, indent), f"{indent}{line}"]


def _comment(description: str | None, indent: str) -> list[str]:
    begin = indent if indent.endswith("# ") else f"{indent}# "
    return textwrap.wrap(description or "", WIDTH, initial_indent=begin, subsequent_indent=begin)


def flow(value: Any) -> str:
    """Return a value as YAML writes it in one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False)
    return text.removesuffix("...\n").strip().replace("''", '""')


def _plain(value: Any) -> Any:
    """Return a value as YAML has it: networks by their dilations alone where that is all they say."""
    if isinstance(value, BaseModel):
        given = value.model_dump(exclude_unset=True)
        return given["dilations"] if given.keys() == {"dilations"} else given
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return [_plain(item) for item in value] if isinstance(value, list) else value
