"""Reading the configuration: from what Snakemake has merged to a checked `Config`, before anything runs."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from mdc.config.config import Config
from mdc.config.consistency import contradictions
from mdc.config.encoders import combined, keys_class, known_encoders
from mdc.config.inputs import missing_inputs
from mdc.config.keys import Section
from mdc.config.renamed import renamed
from mdc.runtime.errors import InputError, listing

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NO_TEXT = re.compile(r"[\ud800-\udfff]")  # what Python makes of bytes that are no text in the locale
HEADLINE = "the configuration cannot be used:"
# pydantic's kinds of errors, in words; {value} is what was given, the others are pydantic's
SENTENCES = {
    "literal_error": "'{value}' is not a valid value; choose from {expected}",
    "greater_than": "{value} is too small, it must be above {gt:.12g}",
    "greater_than_equal": "{value} is too small, the least is {ge:.12g}",
    "less_than": "{value} is too large, it must be below {lt:.12g}",
    "less_than_equal": "{value} is too large, the most is {le:.12g}",
    "multiple_of": "{value} is not a multiple of {multiple_of:.12g}",
    "finite_number": "{value} is not a finite number",
    "too_short": "needs at least {min_length} entries",
    "too_long": "can have {max_length} entries at most",
    "string_too_short": "is empty",
    "string_pattern_mismatch": "'{value}' is not allowed here",
    "int_from_float": "{value} is not a whole number",
    "int_parsing": "'{value}' is not a whole number",
    "int_type": "{value!r} is not a whole number",
    "float_parsing": "'{value}' is not a number",
    "float_type": "{value!r} is not a number",
    "bool_parsing": "'{value}' is neither true nor false",
    "bool_type": "{value!r} is neither true nor false",
    "string_type": "{value!r} is not text",
    "list_type": "{value!r} is not a list; write [a, b]",
    "dict_type": "{value!r} is not a section; write {{key: value}}",
    "model_type": "{value!r} is not a section; write {{key: value}}",
    "missing": "has no value",
    "value_error": "{error}",
}
DESCRIBED = {"literal_error", "string_pattern_mismatch"}  # whose sentences end with the key's description


def load_config(values: Mapping[str, Any]) -> Config:
    """Return the checked configuration.

    Raises:
        InputError: a line per wrong key, or, where each key is right, per contradiction or missing file.
    """
    problems = [*_control_characters(values, ""), *renamed(values)]
    config = None
    if not problems:
        try:
            config = Config.model_validate(values)
        except ValidationError as error:
            problems = list(sentences(error, Config))
    if config is not None:
        problems = list(encoder_problems(config)) or [*contradictions(config), *missing_inputs(config)]
    if problems:
        raise InputError(listing(HEADLINE, problems))
    return config


def encoder_problems(config: Config) -> Iterator[str]:
    """Yield a sentence for everything that is wrong with the keys of encoders: of the run, else of each network."""
    of_the_run = list(_problems_of_encoder("encoder", config.encoder))
    yield from of_the_run
    if of_the_run:  # which every network would repeat
        return
    changes = {"segmenter.encoder": config.segmenter.encoder}
    for kind, networks in (("networks", config.classifier.networks), ("ablations", config.classifier.ablations)):
        changes |= {f"classifier.{kind}.{name}.encoder": keys.encoder for name, keys in networks.items()}
    for where, keys in changes.items():
        yield from _problems_of_encoder(where, combined(config.encoder, keys))


def _problems_of_encoder(where: str, section: Mapping[str, Any]) -> Iterator[str]:
    name = section.get("name")
    if name not in known_encoders():
        yield f"{where}.name: unknown encoder {name or '(empty)'}; choose from {', '.join(known_encoders())}"
        return
    try:
        keys_class(name).model_validate(section)
    except ValidationError as error:
        yield from sentences(error, keys_class(name), where)


def sentences(error: ValidationError, model: type[BaseModel], where: str = "") -> Iterator[str]:
    """Yield a sentence per error of pydantic, each with the key's full name; `where` is put before the names."""
    for detail in error.errors():
        place = ".".join([*filter(None, [where]), *(str(part) for part in detail["loc"] if part != "[key]")])
        if detail["type"] == "extra_forbidden":
            yield _unknown_key(place, str(detail["loc"][-1]), _model_at(model, detail["loc"][:-1]))
            continue
        said = SENTENCES.get(detail["type"], "{message}").format(
            value=detail["input"], message=detail["msg"], **detail.get("ctx", {})
        )
        meaning = _description(model, detail["loc"])
        is_described = meaning and detail["type"] in DESCRIBED
        yield f"{place or 'configuration'}: {said}" + (f" ({meaning})" if is_described else "")


def _unknown_key(place: str, key: str, model: type[BaseModel] | None) -> str:
    known = list(model.model_fields) if model else []
    if "." in key:
        first, rest = key.split(".", 1)
        return f"{place}: keys are nested in YAML: write {first}: {{{rest}: ...}}"
    close = difflib.get_close_matches(key, known, n=1)
    advice = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
    if "encoder" in place.split("."):  # files are merged key by key
        advice += " (if a --configfile has it for another encoder, remove it there)"
    return f"{place}: unknown key; {advice}"


def _model_at(model: type[BaseModel], loc: tuple) -> type[BaseModel] | None:
    """Return the section at a place of a model; None if the types do not determine it."""
    for part in loc:
        field = model.model_fields.get(part) if model else None
        kinds = list(_sections_in(field.annotation)) if field else []
        if field is None:  # a name that the user chose
            continue
        model = kinds[0] if kinds else None
    return model


def _sections_in(annotation: Any) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _sections_in(part)


def _description(model: type[BaseModel], loc: tuple) -> str:
    names = [part for part in loc if isinstance(part, str)]
    for length in range(len(names), 0, -1):
        section = _model_at(model, tuple(names[: length - 1]))
        if section and names[length - 1] in section.model_fields:
            return (section.model_fields[names[length - 1]].description or "").rstrip(".")
    return ""


def _control_characters(value: Any, where: str) -> Iterator[str]:
    """Yield a sentence for each key and text that no person writes."""
    if isinstance(value, str) and _CONTROL.search(value):
        yield f"{where}: {value!r} contains a control character: remove it"
    elif isinstance(value, str) and _NO_TEXT.search(value):
        yield f"{where}: {value!r} contains letters that are not in the locale: set LC_ALL=C.UTF-8, or write UTF-8"
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _control_characters(str(key), f"{where}.{key}".strip(".").encode("unicode_escape").decode())
            yield from _control_characters(item, f"{where}.{key}".strip("."))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _control_characters(item, f"{where}.{number}")


def check_files(paths: Iterable[str | Path]) -> None:
    """Return if no file of configuration has a key twice, of which YAML takes the last.

    Raises:
        InputError: a line per repeated key.
    """
    problems = [problem for path in paths for problem in _repeated_keys(Path(path))]
    if problems:
        raise InputError(listing(HEADLINE, problems))


def _repeated_keys(path: Path) -> list[str]:
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return []  # a file of JSON, in which tabs are allowed: Snakemake has read it
    problems = []
    for mapping in _mappings(root, set()):
        lines: dict[str, int] = {}
        for key, _ in mapping.value:
            line = key.start_mark.line + 1
            if lines.setdefault(str(key.value), line) != line:
                first = lines[str(key.value)]
                problems.append(f"{path}: the key {key.value} is in line {first} and in line {line}: remove one")
    return problems


def _mappings(node: yaml.Node | None, seen: set[int]) -> Iterator[yaml.MappingNode]:
    if node is None or id(node) in seen:  # an alias
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        yield node
    children = node.value if isinstance(node.value, list) else []
    for child in children:
        for part in child if isinstance(child, tuple) else (child,):
            yield from _mappings(part, seen)
