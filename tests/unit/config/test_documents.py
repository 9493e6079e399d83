"""config/config.yaml and the JSON schema are those that the keys give, and all shipped configurations fit both."""

import json

import pytest
import yaml
from jsonschema import Draft202012Validator

from mdc.config.config import Config
from mdc.config.documents import config_text, json_schema_text
from mdc.config.encoders import keys_class, known_encoders
from mdc.config.keys import Section
from mdc.config.load import load_config

from .configs import PAPER, ROOT, leaves, nested, over_the_paper

OVERLAYS = sorted(str(path.relative_to(ROOT / "config")) for path in (ROOT / "config").rglob("*.yaml"))
BELOW = {"paper-small.yaml": ["demo.yaml"], "study/synthetic.yaml": ["demo.yaml"], "study/photos.yaml": ["own.yaml"]}
BELOW |= {name: ["own.yaml"] for name in ("trained-saliency.yaml", "study/steps.yaml", "study/trained-encoder.yaml")}
SCHEMA = Draft202012Validator(json.loads((ROOT / "workflow/schemas/config.schema.json").read_text()))


@pytest.mark.parametrize(
    ("path", "text"), [("config/config.yaml", config_text), ("workflow/schemas/config.schema.json", json_schema_text)]
)
def test_what_is_written_from_the_keys_is_up_to_date(path, text):
    assert (ROOT / path).read_text() == text(), "make schema"


def test_the_paper_is_the_defaults():
    assert Config.model_validate(PAPER) == Config()
    open_keys = ("encoder", "segmenter.encoder", "downloads.weights", "classifier.networks", "classifier.ablations")
    open_keys += ("variants", "study.runs")
    defaults = Config().model_dump()
    assert list(leaves(PAPER, *open_keys)) == list(leaves(defaults, *open_keys))


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_shipped_configuration_is_valid(name, monkeypatch, tmp_path):
    overlays = [yaml.safe_load((ROOT / "config" / part).read_text()) for part in (*BELOW.get(name, []), name)]
    values = over_the_paper(*overlays)
    assert [error.message for error in SCHEMA.iter_errors(values)] == []
    monkeypatch.chdir(tmp_path)
    if values["data"]["source"] == "folder":  # of the user
        (tmp_path / "photos").mkdir()
        (tmp_path / "photos/tags.csv").touch()
    load_config(values)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("shards", 0),
        ("device", "gpu"),
        ("masks.treshold", 0.1),
        ("encoder.name", "alexnet"),
        ("segmenter.settings", ["weak-d1-crf"]),
        ("downloads.voc.urls", ["ftp://host/a"]),
    ],
)
def test_an_editor_sees_wrong_values(key, value):
    assert not SCHEMA.is_valid(over_the_paper(nested(key, value)))


def test_every_section_and_key_is_described_and_no_section_takes_unknown_keys():
    def undescribed(section: type[Section], where: str):
        assert section.model_config["extra"] == "forbid"
        for name, field in section.model_fields.items():
            if not (field.description or "").strip():
                yield f"{where}{name}"
            if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
                yield from undescribed(field.annotation, f"{where}{name}.")

    sections = {"": Config} | {f"encoder {name}: ": keys_class(name) for name in known_encoders()}
    assert [key for where, section in sections.items() for key in undescribed(section, where)] == []
