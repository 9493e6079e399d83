"""Every key of the configuration is read by a rule, and what sections are handed on to uses all of their keys."""

import ast
import inspect
import json
import os
import subprocess
import sys
import textwrap
from dataclasses import fields
from pathlib import Path

import pytest

from mdc import classifier, crf
from mdc.config.encoders import keys_class
from mdc.config.networks import Augmentation, Training
from mdc.config.stages import RECIPE_KEYS, Crf, DenseCrf, Pamr
from mdc.masks import densecrf, fusion, pamr
from mdc.networks import largefov, multi_dilation
from mdc.segmenter import train
from mdc.training import augmentation, datasets, engine, optimisation
from tests.unit.config.configs import PAPER, leaves

from .conftest import Project, copy_project

OPEN = ("downloads.weights", "classifier.networks", "classifier.ablations", "segmenter.encoder", "variants")
OPEN += ("study.runs", "study.steps")  # names chosen by the user
KEYS = {*leaves(PAPER, *OPEN), *(f"encoder.{name}" for name in keys_class("vgg").model_fields)}
TARGETS = ["all", "table3", "table4", "predict", "export", "submission", "study_measures"]
STAGES = "data saliency classifier cams masks segmenter predictions crf scores figures report write_readme".split()
RUNS = [  # that together have every rule
    [
        *(*TARGETS, "--config", "data={voc_test_archive: there}", "predictions={splits: [val, test]}"),
        *("predict={photos: photos}", "figures={figure5: ['2007_000032']}"),
    ],
    [
        *(*STAGES, "study_tables", "study_steps", "--config", "data={source: synthetic}"),
        "study={runs: {a: [paper]}, steps: {a: [paper]}}",
        *("variants={bare: {masks: {threshold: best}, saliency: {source: none}}}",),
        "segmenter={settings: [weak-d1, weak-d1@bare, weak-densecrf-d1]}",
        "masks={variants: [pamr-d1]}",
    ],
    [
        *("data", "saliency", "cams", "--config", "data={source: folder, root: photos}"),
        *("saliency={source: folder, folder: photos}", "cams={external_maps: there}"),
    ],
    [
        *("saliency", "segmenter", "--config", "data={source: synthetic}", "saliency={source: onnx, model: there}"),
        *(f"{stage}={{init: file, weights: there}}" for stage in ("classifier", "segmenter")),
    ],
    ["masks", "--config", "masks={external_masks: photos}", "segmenter={settings: [weak-external]}"],
]


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    project = copy_project(tmp_path_factory.mktemp("keys"))
    (project.folder / "photos").mkdir()
    (project.folder / "photos/tags.csv").touch()
    (project.folder / "there").touch()
    return project


def read_by_rules(project: Project, *arguments: str) -> set[str]:
    script, found = Path(__file__).with_name("recorded_keys.py"), project.folder / "read.json"
    command = [sys.executable, str(script), str(found), "--dry-run", "--cores", "2", *arguments]
    environment = os.environ | {"PYTHONPATH": "workflow"}
    done = subprocess.run(command, cwd=project.folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return set(json.loads(found.read_text()))


@pytest.mark.slow
def test_every_key_is_read_by_a_rule(project):
    read = [read_by_rules(project, *arguments) for arguments in RUNS]
    assert set().union(*read) >= KEYS
    # each of them does read less, so that a key without a reader would be missed
    assert "data.tags_csv" in read[2] and "predict.setting" in read[0] and "export.setting" not in read[2]


# What rules hand on, the library uses: a field that nothing reads would make a key do nothing.


def loaded(source, kind: type[ast.Name] | type[ast.Attribute]) -> set[str]:
    """Return the names of variables, or of attributes, that a function or a module reads."""
    nodes = ast.walk(ast.parse(textwrap.dedent(inspect.getsource(source))))
    found = [node for node in nodes if isinstance(node, kind) and isinstance(node.ctx, ast.Load)]
    return {node.id if isinstance(node, ast.Name) else node.attr for node in found}


@pytest.mark.parametrize(
    ("receiver", "keys", "modules"),
    [
        (optimisation.Schedule, Training.model_fields, (engine, optimisation, train)),
        (crf.Parameters, Crf.model_fields, (crf,)),
        (fusion.Recipe, RECIPE_KEYS, (fusion,)),
        (densecrf.DenseCrf, DenseCrf.model_fields, (densecrf,)),
        (pamr.Pamr, Pamr.model_fields, (pamr,)),
    ],
)
def test_the_fields_of_a_section_that_is_handed_on_are_its_keys_and_are_used(receiver, keys, modules):
    assert {field.name for field in fields(receiver)} == set(keys)
    assert set(keys) <= set().union(*(loaded(module, ast.Attribute) for module in modules))


@pytest.mark.parametrize(
    "function",
    [
        augmentation.augmented,
        multi_dilation.MultiDilationClassifier.__init__,
        classifier.train_classifier,
        largefov.LargeFov.__init__,
        train.train_segmenter,
        crf.apply_crf,
        fusion.assign,
        fusion.pseudo_mask,
    ],
)
def test_every_parameter_of_a_stage_is_used(function):
    assert set(inspect.signature(function).parameters) <= loaded(function, ast.Name) | {"self"}


def test_a_view_has_the_keys_of_its_section():
    assert Augmentation.model_fields.keys() <= inspect.signature(datasets.TrainingViews).parameters.keys()
