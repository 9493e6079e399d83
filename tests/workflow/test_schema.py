"""The schema, config/config.yaml and the code agree on the keys: none is missing, and each has a reader."""

import ast
import inspect
import re
import textwrap
from pathlib import Path

import pytest
import yaml

from mdc import classifier, crf
from mdc.config import experiments as settings
from mdc.config import load as config
from mdc.data import voc_sbd
from mdc.masks import fusion
from mdc.networks import largefov, multi_dilation
from mdc.networks.encoders.vgg import Backbone
from mdc.segmenter import train as segmenter
from mdc.training import augmentation as transforms
from mdc.training import engine as training
from mdc.training import optimisation

ROOT = Path(__file__).parents[2]
OPEN = ("classifier.blocks", "classifier.ablations", "variants", "study.runs")  # names chosen by the user


def leaves(node: dict, defs: dict, path: str = "") -> dict[str, dict]:
    """Return the schema of every key that is no section, by its dotted name."""
    if "$ref" in node:
        node = defs[node["$ref"].removeprefix("#/$defs/")]
    if node.get("type") != "object" or path in OPEN:
        return {path: node}
    found = {}
    for name, child in node["properties"].items():
        found |= leaves(child, defs, f"{path}.{name}".lstrip("."))
    return found


def sections(node: dict, defs: dict, path: str = "") -> dict[str, dict]:
    """Return the schema of every section, by its dotted name; the whole is ``."""
    if "$ref" in node:
        node = defs[node["$ref"].removeprefix("#/$defs/")]
    if node.get("type") != "object" or path in OPEN:
        return {}
    found = {path: node}
    for name, child in node["properties"].items():
        found |= sections(child, defs, f"{path}.{name}".lstrip("."))
    return found


def values(node: object, path: str = "") -> dict[str, object]:
    if not isinstance(node, dict) or path in OPEN:
        return {path: node}
    return {
        name: value for key, child in node.items() for name, value in values(child, f"{path}.{key}".lstrip(".")).items()
    }


SCHEMA = config.load_schema()
LEAVES = leaves(SCHEMA, SCHEMA["$defs"])
SECTIONS = sections(SCHEMA, SCHEMA["$defs"])
CONFIG = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())


def keys_of(section: str) -> set[str]:
    return {name.removeprefix(f"{section}.") for name in LEAVES if name.startswith(f"{section}.")}


def test_schema_and_config_have_the_same_keys():
    assert set(values(CONFIG)) == set(LEAVES)


def test_every_section_is_closed_and_requires_all_its_keys():
    for name, section in SECTIONS.items():
        assert section["additionalProperties"] is False, name
        assert set(section["required"]) == set(section["properties"]), name


def test_every_key_is_described():
    assert not [name for name, node in {**LEAVES, **SECTIONS}.items() if not node.get("description")]


def test_a_variant_changes_keys_of_the_sections_and_with_the_same_meaning():
    variant = SCHEMA["properties"]["variants"]["additionalProperties"]
    for name, section in variant["properties"].items():
        full = SECTIONS[name]["properties"]
        for key, node in section["properties"].items():
            assert set(node.get("enum", [])) <= set(full[key].get("enum", [])), f"{name}.{key}"
            assert "enum" in node or node == full[key], f"{name}.{key}"


# Who reads a key. First the sections that are handed on whole: to a function, whose parameters they are, or to a
# dataclass, whose fields are then read somewhere in the module.


def names_read(function) -> set[str]:
    """Return the names of variables that are read in a function's body."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    return {
        node.id
        for statement in tree.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def attributes_read(module) -> set[str]:
    return {
        node.attr
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }


def strings_in(function) -> set[str]:
    """Return the string constants of a function."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def parameters_read(function) -> set[str]:
    return set(inspect.signature(function).parameters) & names_read(function)


SCHEDULE_READ = attributes_read(training) | attributes_read(optimisation)
SCHEDULE_READ &= set(optimisation.Schedule.__annotations__)
HANDED_ON = {
    # `name` chooses the module and `norm` goes to the heads as well
    "backbone": parameters_read(Backbone.__init__) | {"name"},
    "classifier.view": parameters_read(transforms.augmented),
    "segmenter.view": parameters_read(transforms.augmented),
    "classifier.training": SCHEDULE_READ,
    "segmenter.training": SCHEDULE_READ,
    "crf": set(crf.Parameters.__annotations__) & attributes_read(crf),
    # a number for each value of train_list, and for the other two lists
    "data.expected_images": {*LEAVES["data.train_list"]["enum"], "val", "test"} & strings_in(voc_sbd.split_lists),
}


@pytest.mark.parametrize("section", HANDED_ON)
def test_every_key_of_a_section_that_is_handed_on_is_used_where_it_arrives(section):
    assert not keys_of(section) - HANDED_ON[section]


@pytest.mark.parametrize(
    ("section", "fields"),
    [
        ("classifier.training", set(optimisation.Schedule.__annotations__)),
        ("segmenter.training", set(optimisation.Schedule.__annotations__)),
        ("crf", set(crf.Parameters.__annotations__)),
        (
            "backbone",  # the two others are the network's choice, not the config's
            set(inspect.signature(Backbone.__init__).parameters) - {"self", "conv5_dilation", "for_segmenter"}
            | {"name"},
        ),
    ],
)
def test_what_arrives_has_no_field_that_is_no_key(section, fields):
    assert fields == keys_of(section)


# All other keys are looked up by name, in the rules or in mdc/settings.py, which reads the whole configuration.

ALIASES = {"DATA": "data", "VOC": "downloads.voc", "SBD": "downloads.sbd"}
BY_STAGE = ("classifier", "segmenter")  # config[stage] in the rules stands for both


def lookups() -> set[str]:
    """Return the dotted names that are looked up as config["a"]["b"], or as DATA["b"] where DATA is config["data"]."""
    found = set()
    # not mdc/config.py and mdc/contradictions.py: checking a key is not using it
    sources = [*(ROOT / "workflow" / "rules").glob("*.smk"), Path(settings.__file__)]
    for path in sources:
        text = re.sub(r"\s#.*", "", path.read_text())
        text = re.sub(r"\['(\w+)'\]", r'["\1"]', text)
        text = re.sub(r"variant_config\(config, \w+\)", "config", text)
        text = re.sub(r'segmenter_key\([\w.]+, ("\w+")\)', r'config["segmenter"][\1]', text)
        if 'section = config["masks"]' in text:  # rules/common.smk, recipe()
            text = text.replace('section["', 'config["masks"]["')
        for alias, section in ALIASES.items():
            section = "".join(f'["{part}"]' for part in section.split("."))
            if re.search(rf"\b{alias}\b.* = .*config{re.escape(section)}", text):
                text = re.sub(rf'(?<![\w."\'\]]){alias}\["', f'config{section}["', text)
        stages = [re.sub(r"config\[(wildcards\.)?stage\]", f'config["{stage}"]', text) for stage in BY_STAGE]
        for match in re.finditer(r'config((?:\["\w+"\])+)', "\n".join(stages)):
            parts = re.findall(r'"(\w+)"', match[1])
            found |= {".".join(parts[:depth]) for depth in range(1, len(parts) + 1)}
    return found


def test_every_other_key_is_looked_up_in_the_rules():
    found = lookups()
    handed_on = [name for name in HANDED_ON if name in found]
    assert handed_on == list(HANDED_ON)  # each of these sections is taken from the configuration
    read = {name for name in LEAVES if name in found or name.startswith(tuple(f"{part}." for part in handed_on))}
    # the loop over train, val and test in rules/data.smk
    assert 'for split in ("train", "val", "test")' in (ROOT / "workflow" / "rules" / "data.smk").read_text()
    read |= {f"data.shapes.{split}" for split in ("train", "val", "test")}
    # table_rows(config, table) in mdc/settings.py
    assert 'config["scores"][table]' in Path(settings.__file__).read_text()
    read |= {"scores.table3", "scores.table4"}
    assert sorted(set(LEAVES) - read) == []


def test_the_reader_of_a_key_is_found_by_its_name_alone():
    found = lookups()
    assert {"masks.class_conflict", "data.shapes.side_px", "run", "report.sheet_images"} <= found
    assert not {"masks.treshold", "masks.sheet_images"} & found


# What the rules hand on, the library uses: parameters that a stage takes but never reads would make a key do nothing.


@pytest.mark.parametrize(
    "function",
    [
        multi_dilation.build_classifier,
        classifier.train_classifier,
        largefov.build_segmenter,
        segmenter.train_segmenter,
        crf.apply_crf,
        voc_sbd.link_voc_sbd,
        voc_sbd.split_lists,
        fusion.assign,
        fusion.pseudo_mask,
    ],
)
def test_every_parameter_of_a_stage_is_used(function):
    unused = set(inspect.signature(function).parameters) - names_read(function)
    assert not unused


def test_every_field_of_the_recipe_is_a_key_and_is_used():
    fields = set(fusion.Recipe.__annotations__)
    assert fields <= keys_of("masks")
    assert fields <= attributes_read(fusion)


SCRIPTS = sorted(path.stem for path in (ROOT / "workflow" / "scripts").glob("*.py"))


def rules_of(script: str) -> list[str]:
    """Return the text of every rule that runs a script: the one that names it and those that are made from it."""
    text = "\n".join(path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    blocks = re.findall(r"^( *)((?:use )?rule [^\n]*:\n.*?)(?=^(?!\1 ) *\S|\Z)", text, re.S | re.M)
    (rule,) = [block for _, block in blocks if f'"../scripts/{script}.py"' in block]
    name = re.match(r"rule (\w+):", rule)[1]
    return [rule, *(block for _, block in blocks if block.startswith(f"use rule {name} as "))]


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_uses_every_parameter_of_its_rules_and_no_other(name):
    """`code`, `digest` and `caption` are read by none: a change of code or photos reruns, a caption is the report's."""
    text = (ROOT / "workflow" / "scripts" / f"{name}.py").read_text()
    read = set(re.findall(r"snakemake\.params\.(\w+)", text))
    if re.search(r"\bsettings\b.* = .*snakemake\.params", text):
        read |= set(re.findall(r"\bsettings\.(\w+)", text))
    for rule in rules_of(name):
        section = re.search(r"^( +)params:\n((?:\1 +.*\n|\n)+)", rule, re.M)
        if section is None:
            assert re.match(r"\s*use rule", rule)  # it has the parameters of the rule it is made from
            continue
        given = set(re.findall(rf"^ {{{len(section[1]) + 4}}}(\w+)=", section[2], re.M))
        assert given - {"code", "digest", "caption"} == read - {"code", "digest"}
        # what is downloaded is told by its hash: other code must not download it again
        assert ("code" in given) is ("hash" not in given)
