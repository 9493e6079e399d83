"""Snakemake, which also tells which keys of the configuration its rules read: python recorded_keys.py FILE ARGUMENTS.

FILE gets their dotted names as JSON, without what only the checks before the first rule read, and captions.
"""

import gc
import json
import sys
from pathlib import Path
from typing import Any

from snakemake.cli import main
from snakemake.jobs import Job

from mdc.config import load
from mdc.config.config import Config
from mdc.config.encoders import EncoderKeys
from mdc.config.keys import Section
from mdc.report import captions

READ: set[str] = set()
PLACES: dict[int, str] = {}  # of a section, by its id
BY_TYPE: dict[type, str] = {}  # of copies that a variant changes


def note_places(section: Section, where: str) -> None:
    PLACES[id(section)] = where
    BY_TYPE[type(section)] = where
    for name in type(section).model_fields:
        value = section.__dict__[name]
        if isinstance(value, Section):
            note_places(value, f"{where}.{name}".strip("."))


def place(section: Section) -> str | None:
    if isinstance(section, EncoderKeys):
        return "encoder"
    return PLACES.get(id(section), BY_TYPE.get(type(section)))


def note(section: Section, name: str) -> None:
    where = place(section)
    if where is not None:
        value = section.__dict__.get(name)
        if not isinstance(value, Section):
            READ.add(f"{where}.{name}".strip("."))


def attribute(section: Section, name: str) -> Any:
    if name in type(section).model_fields:
        note(section, name)
    return object.__getattribute__(section, name)


def dumped(section: Section, *, include: Any = None, exclude: Any = None, **options: Any) -> dict:
    if not isinstance(section, Config):
        for name in type(section).model_fields:
            if (include is None or name in include) and name not in (exclude or ()):
                note(section, name)
    return plain_dump(section, include=include, exclude=exclude, **options)


def loaded(values: Any) -> Config:
    config = plain_load(values)
    note_places(config, "")
    READ.clear()
    return config


plain_dump, plain_load = Section.model_dump, load.load_config
load.load_config, Section.model_dump, Section.__getattribute__ = loaded, dumped, attribute
captions.caption = lambda *_, **__: ""

try:
    main(sys.argv[2:])
except SystemExit as ended:
    assert not ended.code
for job in [found for found in gc.get_objects() if type(found) is Job]:
    _ = job.params, job.resources
Path(sys.argv[1]).write_text(json.dumps(sorted(READ)))
