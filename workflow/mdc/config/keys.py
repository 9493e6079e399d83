"""Base of the configuration's sections: pydantic models that refuse unknown keys, and types that keys share."""

import os
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model, model_validator


class Section(BaseModel):
    """A section of the configuration: unknown keys are refused, and a key without a value has its default.

    Text is read as the type of its key, since Snakemake passes everything inside `--config section='{key: value}'` as
    text and YAML reads `1e-3` as text.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, coerce_numbers_to_str=True, regex_engine="python-re"
    )

    @model_validator(mode="before")
    @classmethod
    def _read(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        return {key: cls._as_choice(key, value) for key, value in values.items() if value is not None}

    @classmethod
    def _as_choice(cls, key: str, value: Any) -> Any:
        """Return the number that a text stands for in a choice among numbers, which pydantic would refuse as text."""
        if not isinstance(value, str) or key not in cls.model_fields:
            return value
        named = {str(choice): choice for choice in _choices(cls.model_fields[key].annotation)}
        return named.get(value, value)


def _choices(annotation: Any) -> tuple:
    """Return the values that a type lists, inside a union as well."""
    inner = get_args(annotation)
    return inner if get_origin(annotation) is Literal else tuple(one for part in inner for one in _choices(part))


def changes_of(section: type[Section], *names: str) -> type[Section]:
    """Return a section with the keys `names` of another, all optional: the keys that a variant may change."""
    fields = {name: section.model_fields[name] for name in names}
    optional = {
        name: (field.rebuild_annotation() | None, Field(None, description=field.description))
        for name, field in fields.items()
    }
    return create_model(f"{section.__name__}Changes", __base__=Section, __doc__=section.__doc__, **optional)


def _no_truth_value(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("true and false are not numbers")
    return value


def _unique(values: Sequence[Any]) -> Sequence[Any]:
    repeated = [value for value in values if list(values).count(value) > 1]
    if repeated:
        raise ValueError(f"{repeated[0]} is listed twice: remove one")
    return values


Int = Annotated[int, BeforeValidator(_no_truth_value)]
Float = Annotated[float, BeforeValidator(_no_truth_value)]
Unique = AfterValidator(_unique)
PathText = Annotated[str, AfterValidator(os.path.expanduser)]
Url = Annotated[str, Field(pattern=r"^https?://")]
Seed = Annotated[Int, Field(ge=0, le=2**32 - 1)]
Share = Annotated[Float, Field(ge=0, le=1)]
Count = Annotated[Int, Field(ge=1, le=1_000_000)]
Pixels = Annotated[Int, Field(ge=16, le=1_000_000)]
Channels = Annotated[Int, Field(ge=8, le=16384, multiple_of=8)]
Dilation = Annotated[Int, Field(ge=1, le=1000)]
HashText = Annotated[str, Field(pattern=r"^(md5:[0-9a-f]{8,32}|sha256:[0-9a-f]{8,64})?$")]
