"""The commands of the project's pages can be given as they stand, and their links and names lead somewhere.

Snakemake makes a dry run, make prints what it would do, paths of tests must exist, and options of other programs are in
their help. `test_slurm.py` runs the commands that continue a killed run, and `test_predict_export.py` and
`test_demo.py` the examples in Python.
"""

import importlib.util
import itertools
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.voc_archives import sbd_files, voc_files, write_folder

from .conftest import PROJECT, Project, copy_project

pytestmark = pytest.mark.slow

PAGES = ["README.md", *(f"{folder}/README.md" for folder in ("config", "profiles", "results", "tests", "workflow"))]
# Programs that are not the project's, or need a cluster.
OTHERS = {"source", "cp", "nano", "tmux", "scancel", "squeue", "tensorboard"}
PROGRAMS = ("snakemake ", "make ", "pytest ", "python -m ")


def text_of(page: str) -> str:
    return (PROJECT / page).read_text()


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a page in a language; commands stand in blocks without one."""
    fenced = re.findall(
        r"^```(\w*)\n(.*?)^```$", text_of(page), flags=re.M | re.S
    )  # from the top, so fences are paired
    return [text for name, text in fenced if name == language]


def commands() -> Iterator[tuple[str, str]]:
    """Yield (page, command) of every line of a block without a language, and of what inline code can be given alone."""
    for page in PAGES:
        for block in blocks(page, ""):
            for line in block.replace("\\\n", " ").splitlines():
                for command in re.sub(r"\s{2,}#.*| +# .*", "", line).split(" && "):
                    if command.strip():
                        yield page, " ".join(command.split())
        prose = re.sub(r"^```.*?^```$", "", text_of(page), flags=re.M | re.S)
        for code in re.findall(r"`([^`]+)`", prose):
            command = " ".join(code.split())
            whole = "--cores" in command or not command.startswith("snakemake ")
            if command.startswith(PROGRAMS) and whole and not re.search(r"\.\.\.|<", command):
                yield page, command


COMMANDS = list(dict.fromkeys(commands()))


def given_to(program: str) -> list[str]:
    return sorted({command for _, command in COMMANDS if command.startswith(program)})


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> Project:
    """A project with what the pages assume: photos, the data of VOC, and configurations of runs."""
    project = copy_project(tmp_path_factory.mktemp("pages"))
    rows = ["image,tags"]
    for folder in ("photos", "new_photos"):
        (project.folder / folder).mkdir()
    for index in range(4):
        photo = Image.fromarray(np.random.default_rng(index).integers(0, 255, (60, 80, 3), np.uint8))
        photo.save(project.folder / f"photos/{index}.jpg")
        photo.save(project.folder / f"new_photos/{index}.jpg")
        rows.append(f"{index}.jpg,{'cat' if index % 2 else 'dog'}")
    (project.folder / "photos/tags.csv").write_text("\n".join(rows))
    setup = [sys.executable, "-m", "mdc", "setup", "photos", "--run", "pets"]  # writes pets.yaml
    subprocess.run(setup, cwd=project.folder, env=os.environ | {"PYTHONPATH": "workflow"}, check=True)
    data = project.folder / "data_of_others"
    write_folder(data, voc_files() | sbd_files())
    for name, images in {"train": 1464, "val": 1449}.items():  # the lists of VOC are counted at the start
        lines = "".join(f"{name}_{number}\n" for number in range(images))
        (data / f"VOCdevkit/VOC2012/ImageSets/Segmentation/{name}.txt").write_text(lines)
    (data / "vgg16-397923af.pth").touch()
    (project.folder / "VOC2012test.tar").touch()
    return project


HERE = {  # what is read here instead
    "/data/": "data_of_others/",
    "--configfile results/paper/config.yaml": "",  # test_reruns.py repeats a run by the configuration kept in it
    "results/pets/config.yaml": "config/own.yaml",
    "--workflow-profile profiles/mine": "",  # test_dag.py plans with it
    "shards=32": "shards=1",
    "{demo: [steps-demo]}": "{demo: [demo]}",
}


def options_of(command: str) -> dict[str, list[str]]:
    """Return the values of each option of a command of Snakemake; its targets are those of the option ""."""
    for text, here in HERE.items():
        command = command.replace(text, here)
    name, found = "", {"": []}
    for part in shlex.split(command)[1:]:
        if part.startswith("--"):
            name = part
        found.setdefault(name, []).extend([] if part == name else [part])
    return found


def planned_together() -> dict[str, dict[str, list[str]]]:
    """Return the options of all commands that begin with the same configuration, by its name.

    A report needs a finished run, so its command is planned without that option.
    """
    together: dict[str, dict[str, list[str]]] = {}
    for options in map(options_of, given_to("snakemake ")):
        if "--unlock" in options:
            continue  # needs a lock: test_faults.py has one
        for name in ("--report", "--cores"):
            options.pop(name, None)
        group = together.setdefault(" ".join(options.get("--configfile", [])) or "config.yaml", {})
        options[""] = options[""] or ["all"]
        for name, values in options.items():
            group[name] = list(dict.fromkeys([*group.get(name, []), *values]))
    return together


def merged(values: list[str]) -> list[str]:
    """Return values of --config with those of the same section in one."""
    sections: dict[str, dict] = {}
    for name, value in (text.split("=", 1) for text in values):
        value = yaml.safe_load(value)
        sections[name] = sections.get(name, {}) | value if isinstance(value, dict) else value
    return [f"{name}={json.dumps(value)}" for name, value in sections.items()]


PLANNED = planned_together()


@pytest.mark.parametrize("begin", PLANNED)
def test_the_commands_of_snakemake_can_be_given(own, begin):
    options = PLANNED[begin] | {"--dry-run": []}
    if "--config" in options:
        options["--config"] = merged(options["--config"])
    arguments = [part for name, values in options.items() for part in ([name] if name else []) + values]
    result = own.snakemake(*arguments)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("command", given_to("make "))
def test_a_target_of_make_is_there(command):
    subprocess.run(["make", "--dry-run", *shlex.split(command)[1:]], cwd=PROJECT, check=True, capture_output=True)


@pytest.mark.parametrize("command", [*given_to("pytest "), *given_to("python -m pytest")])
def test_the_tests_are_there(command):
    arguments = shlex.split(command.removeprefix("python -m "))[1:]
    for path in arguments:
        assert path.startswith("-") or (PROJECT / path).exists()


@pytest.mark.parametrize("command", [c for c in given_to("python -m ") if "pytest" not in c])
def test_a_module_of_a_command_is_there_and_takes_its_options(command):
    module, *arguments = shlex.split(command)[2:]
    assert importlib.util.find_spec(module)
    options = {argument for argument in arguments if argument.startswith("--")}
    if options:
        words = itertools.takewhile(lambda argument: argument not in options, arguments)
        asked = [sys.executable, "-m", module, *words, "--help"]
        help = subprocess.run(asked, cwd=PROJECT, capture_output=True, text=True)
        assert options <= set(re.findall(r"--[a-z-]+", help.stdout))


def test_no_command_is_left_out():
    others = {command for _, command in COMMANDS if not command.startswith(PROGRAMS)}
    assert {command.split()[0] for command in others} <= OTHERS


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", text_of(page)):
        path, _, anchor = target.partition("#")
        file = (PROJECT / page).parent / path if path else PROJECT / page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), flags=re.M)
            assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}, target


def test_the_variants_of_the_page_are_possible(own):
    (block,) = blocks("config/README.md", "yaml")
    (own.folder / "variants.yaml").write_text(block)
    result = own.snakemake("--dry-run", overlays=("config/demo.yaml", "variants.yaml"))
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_tests_that_would_catch_the_worst_bugs_are_there():
    rows = re.findall(r"^\| (`.+?) \| .+? \| (`.+::.+) \|$", text_of("tests/README.md"), flags=re.M)
    for package, tests in rows:
        named = re.findall(r"`([^`]+)::(test_\w+)`", tests)
        assert len(named) == 3
        for place, test in named:
            unit = PROJECT / "tests/unit"
            folders = [PROJECT / place, unit / place, unit / package.strip("`") / place]
            file = next(path for path in folders if path.is_file())
            assert f"def {test}(" in file.read_text(), test
    assert len(rows) > 15
