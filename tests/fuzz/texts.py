"""Annotations, tables and configurations, beside what minidom, the csv module and PyYAML read of them."""

import copy
import csv
import io
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any
from xml.dom import minidom

import yaml
from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

from mdc.config.load import check_files, load_config
from mdc.data.labels import CLASSES as VOC_CLASSES
from mdc.data.manifest import COLUMNS, SIDES, read_manifest, tag_matrix
from mdc.data.tagged_folder import link_folder
from mdc.data.voc_layout import link_voc_layout
from mdc.storage.image_tables import read_table
from tests.fuzz.formats.yaml_files import YAML
from tests.fuzz.kind import Kind, Mutant
from tests.fuzz.mutations import TABLE, TEXT
from tests.fuzz.originals import PROJECT, classes_of_run, with_all_keys

CLASSES = ("cat", "dog")
SCHEMA = json.loads((PROJECT / "workflow/schemas/config.schema.json").read_text())
TYPES = {"integer": (int,), "number": (int, float), "string": (str,), "boolean": (bool,), "array": (list,)}
TYPES |= {"object": (dict,), "null": (type(None),)}
TRUTH_WORDS = {True: ("true", "yes", "on", "y", "t", "1"), False: ("false", "no", "off", "n", "f", "0")}
csv.field_size_limit(1 << 24)  # of the judge's reader; longer cells are no fault of a table
SCENES = tuple(f"originals/run/synthetic/JPEGImages/{name}.jpg" for name in
               ("train_000000", "train_000001", "train_000002", "val_000000"))  # fmt: skip


# --- annotations
def _annotation(data: bytes, folder: Path) -> set[str]:
    """Return the tags of the training image whose annotation is the mutant."""
    root = folder / "voc"
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / part).mkdir(parents=True)
    for id, scene in zip(("mutant", "other"), SCENES, strict=False):
        shutil.copy(scene, root / f"JPEGImages/{id}.jpg")
    (root / "Annotations/mutant.xml").write_bytes(data)
    shutil.copy("originals/texts/2007_000032.xml", root / "Annotations/other.xml")
    (root / "ImageSets/Main/train.txt").write_text("mutant\n")
    (root / "ImageSets/Main/val.txt").write_text("other\n")
    splits = link_voc_layout(
        root,
        classes=[*VOC_CLASSES, *classes_of_run()],
        plain_folder=folder / "data",
        max_side_px=100,
        val_share=0.5,
        seed=0,
        processes=1,
    )
    tags = splits.tables["train"]["tags"].item()
    return set(tags.split(";")) if tags else set()


def _judge_annotation(mutant: Mutant, found: set[str]) -> str:
    document = minidom.parseString(mutant.data)
    names = set()
    for thing in document.getElementsByTagName("object"):
        if thing.parentNode is not document.documentElement:
            return "an object inside of something else was left out"
        own = [child for child in thing.childNodes if child.nodeName == "name"]
        if len(own) != 1:
            return f"an object with {len(own)} names"
        names.add(_all_text(own[0]).strip())
    return "" if found == names else f"the tags {found}, not {names}"


def _all_text(node) -> str:
    if node.nodeType in (node.TEXT_NODE, node.CDATA_SECTION_NODE):
        return node.data
    return "".join(map(_all_text, node.childNodes))


# --- tags.csv
def _tags(data: bytes, folder: Path) -> dict[str, tuple]:
    """Return id -> (split or None, tags, mask) of the images of a folder that a table describes."""
    root = folder / "photos"
    (root / "a").mkdir(parents=True)
    (root / "masks").mkdir()
    for name, scene in zip(("a/one.jpg", "a/two.png", "three.jpg", "four.jpg"), SCENES, strict=True):
        shutil.copy(scene, root / name)
    for name in ("one", "three"):
        shutil.copy("originals/masks/grey.png", root / f"masks/{name}.png")
    (root / "tags.csv").write_bytes(data)
    tables = link_folder(
        root,
        root / "tags.csv",
        classes=[*CLASSES, *"abcdef"],
        plain_folder=folder / "data",
        max_side_px=100,
        val_share=0.5,
        seed=0,
        processes=1,
    ).tables
    found = {}
    for split, table in tables.items():
        for row in table.itertuples():
            mask = Path(row.mask).name if row.mask else ""
            assert row.id not in found
            found[row.id] = (split, frozenset(filter(None, row.tags.split(";"))), mask)
    return found


def _judge_tags(mutant: Mutant, found: dict[str, tuple]) -> str:
    text = mutant.data.decode("utf-8-sig")
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if any(cell.strip() for cell in row)]
    header = [name.strip() for name in rows[0]]
    if {len(row) for row in rows} != {len(header)} or len(set(header)) != len(header):
        return "rows of other lengths than the header"
    expected = {}
    for cells in rows[1:]:
        cell = {name: value.strip() for name, value in zip(header, cells, strict=True)}
        tags = frozenset(tag.strip() for tag in cell["tags"].split(";") if tag.strip())
        image = str(Path(cell["image"]))
        id = str(Path(image).with_suffix("")) if image.endswith((".jpg", ".png")) else image
        if id in expected:
            return f"{id} stands there twice"
        expected[id] = (cell.get("split"), tags, cell.get("mask", ""))
    if expected.keys() != found.keys():
        return f"the images {sorted(found)}, not {sorted(expected)}"
    for id, (split, tags, mask) in expected.items():
        if tags != found[id][1] or not tags <= {*CLASSES, *"abcdef"}:
            return f"{id}: the tags {set(found[id][1])}, not {set(tags)}"
        if split is not None and split != found[id][0]:
            return f"{id}: the split {found[id][0]}, not {split}"
        if Path(mask).name != found[id][2] or ".." in mask or mask.startswith("/"):
            return f"{id}: the mask {found[id][2]}, not {mask}"
    return ""


# --- our own tables
def _manifest(data: bytes, folder: Path) -> list[list[str]]:
    (folder / "train.csv").write_bytes(data)
    table = read_manifest(folder / "train.csv")
    tag_matrix(table, classes_of_run())
    return [list(map(str, row)) for row in table.itertuples(index=False)]


def _judge_rows(mutant: Mutant, found: list[list[str]], *, columns: list[str]) -> str:
    rows = _csv_rows(mutant.data)
    if rows[0] != columns:
        return f"the columns {rows[0]}"
    if rows[1:] != found:
        return f"other rows than the csv module reads: {found}, not {rows[1:]}"
    ids = [row[0] for row in found]
    if len(set(ids)) != len(ids) or not all(ids):
        return f"the ids {ids}"
    if not mutant.data.endswith((b"\n", b"\r")) or not all(row[-1] for row in found):
        return "a table that is cut off"
    return ""


def _csv_rows(data: bytes) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")) if row]


def _judge_manifest(mutant: Mutant, found: list[list[str]]) -> str:
    if any(int(row[COLUMNS.index(side)]) < 1 for row in found for side in SIDES):
        return "a photo without pixels"
    if any(len(set(row[2].split(";"))) != len(row[2].split(";")) for row in found):
        return "a tag twice"
    return _judge_rows(mutant, found, columns=list(COLUMNS))


def _table(data: bytes, folder: Path) -> list[list[str]]:
    (folder / "train.csv").write_bytes(data)
    return [list(item) for item in read_table([folder / "train.csv"]).items()]


def _judge_table(mutant: Mutant, found: list[list[str]]) -> str:
    rows = _csv_rows(mutant.data)
    if [row[:2] for row in rows[1:]] != found:
        return f"other rows than the csv module reads: {found}, not {rows[1:]}"
    return _judge_rows(mutant, rows[1:], columns=["id", "path", "digest"])


# --- the configuration
class SnakemakeError(Exception):
    """What Snakemake says to a file of configuration before our code is asked; not ours to mend."""


def _merged(path: str) -> dict[str, Any]:
    """Return config.yaml with an overlay, as Snakemake merges them."""
    try:
        overlay = load_configfile(path)
        config = copy.deepcopy(overlay)
        update_config(config, load_configfile(str(PROJECT / "config/config.yaml")))
        update_config(config, overlay)
        return config
    except WorkflowError:
        raise
    except Exception as error:
        raise SnakemakeError(f"{SNAKEMAKES_OWN} {type(error).__name__}: {error}") from error


def _config(data: bytes, folder: Path) -> dict[str, Any]:
    """Return the configuration that common.smk accepts when the mutant is an overlay, as Snakemake loads it."""
    (folder / "overlay.yaml").write_bytes(data)
    (folder / "photos").mkdir()  # of own.yaml
    (folder / "photos/tags.csv").touch()
    os.chdir(folder)  # paths in a configuration are relative to where Snakemake was started
    try:
        config = _merged("overlay.yaml")
        check_files(["overlay.yaml"])
        return with_all_keys(load_config(config))
    finally:
        os.chdir("../")


def _judge_config(mutant: Mutant, found: dict[str, Any]) -> str:
    config = yaml.load(mutant.data, Loader=_NoRepeats)
    missing = _not_taken(config, found, "")
    return missing or _outside(found, SCHEMA, "")


class _NoRepeats(yaml.SafeLoader):
    """Raises where a key stands twice."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        if len(set(map(str, keys))) != len(keys):
            raise ValueError(f"{keys}: a key stands twice")
        return super().construct_mapping(node, deep)


def _not_taken(written: Any, found: Any, where: str) -> str:
    """Return which written value is another one in the configuration, but for its type."""
    if isinstance(written, set):
        written = sorted(written)
    if isinstance(written, list) and isinstance(found, dict):  # a network by its dilations alone
        found = found["dilations"]
    if isinstance(written, dict):
        given = {str(key): item for key, item in written.items() if item is not None}  # without a value: the default
        missing = [key for key in given if key not in found]
        parts = [_not_taken(item, found[key], f"{where}.{key}") for key, item in given.items() if not missing]
        return f"{where}: {missing} were left out" if missing else next(filter(None, parts), "")
    if isinstance(written, list):
        parts = [_not_taken(a, b, where) for a, b in zip(written, found, strict=True)]
        return next(filter(None, parts), "")
    same = written == found or str(written) == str(found)
    if not same and isinstance(written, str):
        same = found == os.path.expanduser(written) or (type(found) is bool and written.lower() in TRUTH_WORDS[found])
        same = same or (type(found) in (int, float) and float(written) == found)
    return "" if same else f"{where}: {found!r} instead of {written!r}"


def _outside(value: Any, schema: dict | bool, where: str) -> str:
    """Return which value is not of its documented kind: by a few lines that are not pydantic's."""
    if isinstance(schema, bool):
        return "" if schema else f"{where}: there is no such key"
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    if "anyOf" in schema:
        parts = [_outside(value, option, where) for option in schema["anyOf"]]
        return "" if "" in parts else parts[0]
    if "type" in schema and type(value) not in TYPES[schema["type"]]:
        return f"{where}: {value!r} is no {schema['type']}"
    if value not in schema.get("enum", [schema.get("const", value)]):
        return f"{where}: {value!r} is none of the choices"
    if isinstance(value, float) and not abs(value) < float("inf"):
        return f"{where}: {value!r}"
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"].replace("$", r"\Z"), value):
        return f"{where}: {value!r} does not match"
    if isinstance(value, str) and re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", value):
        return f"{where}: {value!r} has control characters"
    if isinstance(value, dict):
        parts = [_outside(item, _schema_of(key, schema), f"{where}.{key}") for key, item in value.items()]
        return next(filter(None, parts), "")
    if isinstance(value, list):
        parts = [_outside(item, schema.get("items", {}), f"{where}[{place}]") for place, item in enumerate(value)]
        return next(filter(None, parts), "")
    return ""


def _schema_of(key: str, schema: dict) -> dict | bool:
    if key in schema.get("properties", {}):
        return schema["properties"][key]
    by_pattern = [part for pattern, part in schema.get("patternProperties", {}).items() if re.search(pattern, key)]
    return by_pattern[0] if by_pattern else schema.get("additionalProperties", True)


XML = tuple(f"texts/{name}.xml" for name in ("2007_000032", "2008_000003", "synthetic"))
CONFIGS = tuple(f"configs/{name}.yaml" for name in ("demo", "whole", "own"))
SENTENCES = (WorkflowError, SnakemakeError)
SNAKEMAKES_OWN = "Snakemake itself:"

KINDS = (
    Kind(
        name="annotation",
        names=r"mutant\.xml",
        suffix=".xml",
        originals=XML,
        texts=TEXT,
        consume=_annotation,
        judge=_judge_annotation,
    ),
    Kind(
        name="tags.csv",
        names=r"tags\.csv",
        suffix=".csv",
        originals=("texts/plain.csv", "texts/full.csv"),
        texts=(*TEXT, *TABLE),
        consume=_tags,
        judge=_judge_tags,
    ),
    Kind(
        name="manifest",
        names=r"train\.csv|manifest",
        suffix=".csv",
        originals=("run/data/train.csv",),
        texts=(*TEXT, *TABLE),
        consume=_manifest,
        judge=_judge_manifest,
    ),
    Kind(
        name="table",
        names=r"train\.csv",
        suffix=".csv",
        originals=("run/masks/train.csv", "run/saliency/train.csv"),
        texts=(*TEXT, *TABLE),
        consume=_table,
        judge=_judge_table,
    ),
    Kind(
        name="config",
        names=r"overlay\.yaml|[Cc]onfig|configuration|Snakemake",
        suffix=".yaml",
        originals=CONFIGS,
        mutators=YAML,
        texts=TEXT,
        consume=_config,
        judge=_judge_config,
    ),
)
