"""The lock file, the conda environments and workflow/README.md name the same packages."""

import re
import tomllib
from pathlib import Path

import yaml

PROJECT = Path(__file__).parents[3]


def required(extras: bool) -> set[str]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    names = list(project["dependencies"])
    if extras:
        names += sum(project["optional-dependencies"].values(), [])
    return {re.match(r"[A-Za-z0-9-]+", name)[0] for name in names}


def locked(python: str) -> dict[str, str]:
    """Return name -> version of the lock file for a minor version of Python such as 3.11, as its markers say."""
    versions = {}
    for name, version, below, above in re.findall(
        r"^([a-z0-9-]+)==([^ ;\n]+)(?: ; python_full_version < '([\d.]+)'| ; python_full_version >= '([\d.]+)')?",
        (PROJECT / "requirements.lock").read_text(),
        flags=re.M,
    ):
        number = tuple(map(int, python.split(".")))
        if below and number >= tuple(map(int, below.split("."))):
            continue
        if above and number < tuple(map(int, above.split("."))):
            continue
        versions[name] = version
    return versions


def test_every_requirement_is_locked():
    assert required(extras=True) <= locked("3.11").keys()


def test_conda_environments_have_the_locked_versions():
    versions = locked("3.11")
    for path in (PROJECT / "envs").glob("*.yaml"):
        dependencies = yaml.safe_load(path.read_text())["dependencies"]
        assert "python=3.11" in dependencies
        pinned = dict(line.split("==") for line in dependencies[-1]["pip"])
        assert pinned == {name: versions[name] for name in required(extras=False)}


def test_every_requirement_has_its_line_in_the_page():
    table = (PROJECT / "workflow/README.md").read_text().split("## Dependencies")[1].split("\n## ")[0]
    named = {name for row in re.findall(r"^\| ([a-z0-9, -]+) \|", table, flags=re.M) for name in row.split(", ")}
    assert named - {"package"} == required(extras=True)
