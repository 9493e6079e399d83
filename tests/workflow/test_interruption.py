"""A training and a dump of maps, stopped half-way, end as if nothing had happened."""

import functools
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.equality import differences
from tests.interruption import start, stop
from tests.soak.said import trained_epochs

from .conftest import Project, copy_project

pytestmark = pytest.mark.slow

CAMS = "results/soak/cams/mdc/seed0/main/train.0-of-1.h5"
SECONDS = 120  # for what takes ten
# Enough images that storing their maps takes a second, and few epochs.
SIZE = ["data={synthetic: {train: 200}}", "shards=1", "classifier={training: {epochs: 4}}"]
COMMAND = [CAMS, "--cores", "2", "--configfile", "config/demo.yaml", "reduced.yaml"]
COMMAND += ["--set-threads", "train_classifier=1", "dump_cams=1", "--config", *SIZE]


@pytest.fixture
def folder(tmp_path) -> Path:
    """A copy of the project."""
    copy = copy_project(tmp_path / "project").folder
    shutil.copy(Path(__file__).parents[1] / "soak/reduced.yaml", copy)
    return copy


@pytest.fixture
def left_alone(folder, tmp_path) -> Path:
    """A copy of the project in which nothing is stopped; afterwards both have the tables of images."""
    data = Project(folder).snakemake("data", *COMMAND[3:])
    assert data.returncode == 0, data.stdout + data.stderr
    shutil.copytree(folder, tmp_path / "left_alone")
    return tmp_path / "left_alone"


def stopped_when(moment: Callable[[], bool], *, folder: Path, log: Path) -> list[str]:
    """Start Snakemake, kill it as soon as `moment` has come, and return the rules that were running."""
    process = start(COMMAND, folder=folder, log=log)
    wait_for(moment, process, log=log)
    return stop(process, signal.SIGKILL, seconds=SECONDS)


def wait_for(moment: Callable[[], bool], process: subprocess.Popen, *, log: Path) -> None:
    """Wait until `moment` has come; the test fails, and the process is killed, if it ends before or never comes."""
    end = time.monotonic() + SECONDS
    while not moment():
        if process.poll() is not None or time.monotonic() > end:
            stop(process, signal.SIGKILL, seconds=SECONDS)
            pytest.fail(f"the moment has not come: {log.read_text()}")
        time.sleep(0.01)


def test_stopped_trainings_and_dumps_end_as_if_nothing_had_happened(left_alone, folder, tmp_path):
    assert start(COMMAND, folder=left_alone, log=tmp_path / "alone").wait(SECONDS) == 0
    log = folder / "results/soak/logs/train_classifier/mdc/seed0.log"
    whole, half = folder / CAMS, (folder / CAMS).with_name(".train.0-of-1.h5.tmp")

    def epoch(number: int) -> Callable[[], bool]:
        return lambda: log.exists() and f"epoch {number}: step" in log.read_text()

    stopped = functools.partial(stopped_when, folder=folder)
    unlock = functools.partial(start, ["--unlock"], folder=folder, log=tmp_path / "unlock")
    assert stopped(epoch(2), log=tmp_path / "first") == ["train_classifier"]
    assert unlock().wait(SECONDS) == 0
    assert stopped(half.exists, log=tmp_path / "second") == ["dump_cams"]
    assert half.exists() and not whole.exists()
    assert unlock().wait(SECONDS) == 0
    assert start(COMMAND, folder=folder, log=tmp_path / "last").wait(SECONDS) == 0

    texts = [(tmp_path / name).read_text() for name in ("first", "second", "last")]
    first, second, last = (trained_epochs(text).get("classifier") for text in texts)
    # an epoch is told before its state is kept, so the one that was told last may come again
    assert first[0] == 1 and first[1] >= 2 and second in ((first[1], 4), (first[1] + 1, 4), None)
    assert last is None
    assert differences(left_alone / "results/soak", folder / "results/soak") == []
