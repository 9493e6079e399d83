"""The made run, and asking the explorer about it."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from werkzeug.test import Client, TestResponse

from mdc.explore.app import Explorer
from mdc.explore.command import found_runs

from .made_run import RUN, make_run

Ask = Callable[..., TestResponse]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """Return the folder of the made run, whose tables name files relative to a folder that is not the current one."""
    project = tmp_path_factory.mktemp("project")
    before = Path.cwd()
    os.chdir(project)
    try:
        make_run()
    finally:
        os.chdir(before)
    return project / RUN


@pytest.fixture(scope="module")
def ask(run) -> Ask:
    """Return a function that asks for an address about the split train of the run."""
    return asking(run)


@pytest.fixture
def copied(run, tmp_path) -> Path:
    """Return a copy of the run under another name, which it can be looked at under."""
    return Path(shutil.copytree(run, tmp_path / "results/copy"))


def measured(ask: Ask, **query: object) -> dict:
    """Return the images of a query, once what they are sorted by has been measured."""
    for _ in range(200):
        answer = ask("/api/images", **query).json
        if not answer["pending"]:
            return answer
        time.sleep(0.02)
    raise AssertionError("never measured")


def asking(*folders: Path) -> Ask:
    client = Client(Explorer(found_runs(folders)))

    def ask(path: str, headers: dict[str, str] | None = None, **arguments: object) -> TestResponse:
        given = {"split": "train"} | {name.rstrip("_"): str(value) for name, value in arguments.items()}
        return client.get(path, query_string=given, headers={"Host": "localhost:8600"} | (headers or {}))

    return ask
