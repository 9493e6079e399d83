"""What Snakemake and its jobs say of faults of their surroundings, and how a run goes on afterwards."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mdc.runtime.locks import locked
from tests.disks import mounted
from tests.equality import differences
from tests.interruption import start, stop

from .conftest import ONE_THREAD_EACH, TINY, Project

pytestmark = pytest.mark.slow
LOG = "results/tiny/logs/train_classifier/mdc/seed0.log"
CAMS = "results/tiny/cams/mdc/seed0/main/train.0-of-1.h5"
MAPS = (CAMS, "--set-threads", *ONE_THREAD_EACH)


@pytest.fixture(scope="module")
def project(tiny_run, tmp_path_factory) -> Project:
    """A copy of the finished run that lacks the classifier and its maps."""
    folder = tmp_path_factory.mktemp("killed") / "project"
    shutil.copytree(tiny_run.folder, folder)
    for stage in ("classifier", "cams"):
        shutil.rmtree(folder / "results/tiny" / stage)
    (folder / LOG).unlink()
    return Project(folder)


@contextmanager
def held_training(project: Project, *, epoch: int) -> Iterator[tuple[subprocess.Popen, int]]:
    """Give Snakemake as a process and the number of its job, a training that is held after an epoch, until SIGCONT."""
    command = [*MAPS, "--cores", "1", "--configfile", *TINY]
    process = start(command, folder=project.folder, log=project.folder / "said.txt")
    log = project.folder / LOG
    try:
        for _ in range(6000):
            time.sleep(0.01)
            if process.poll() is not None or (log.exists() and f"epoch {epoch}: step" in log.read_text()):
                break
        job = int(log.with_name(".seed0.log.lock").read_text().split()[0])
        os.kill(job, signal.SIGSTOP)
        yield process, job
    finally:
        stop(process, signal.SIGKILL, seconds=60)


def has_ended(pid: int) -> bool:
    for _ in range(300):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.1)
    return False


def test_killed_runs_go_on_and_end_as_if_nothing_had_happened(project, tiny_run):
    with held_training(project, epoch=2) as (snakemake, job):
        second = project.snakemake(CAMS, overlays=TINY)
        assert second.returncode == 1 and "Directory cannot be locked" in second.stderr
        assert "Traceback" not in second.stderr and snakemake.poll() is None
        os.kill(snakemake.pid, signal.SIGKILL)
        os.kill(job, signal.SIGCONT)
        assert has_ended(job)  # a killed Snakemake takes its jobs along
    assert "stopped from outside: run the same command again to continue" in (project.folder / LOG).read_text()
    third = project.snakemake(CAMS, overlays=TINY)
    assert third.returncode == 1 and "--unlock" in third.stderr  # as the README says

    assert project.snakemake("--unlock", overlays=TINY).returncode == 0
    with held_training(project, epoch=6) as (_, job):
        pass  # all of it is killed, without a chance to tidy up
    assert has_ended(job)
    half = (project.folder / CAMS).with_name(".train.0-of-1.h5.tmp")
    half.parent.mkdir(parents=True, exist_ok=True)
    half.write_bytes((tiny_run.folder / CAMS).read_bytes()[:3000])  # as a dump leaves it that is killed
    assert project.snakemake("--unlock", overlays=TINY).returncode == 0
    last = project.snakemake(*MAPS, overlays=TINY)
    assert last.returncode == 0, last.stdout + last.stderr
    said = (project.folder / LOG).read_text()
    assert "continuing the unfinished training" in said and "epoch 5: step" not in said
    ours, theirs = (run.folder / "results/tiny" for run in (project, tiny_run))
    found = differences(ours / "classifier", theirs / "classifier")  # temporary files and locks would be among them
    found += [line for line in differences(ours / "cams", theirs / "cams") if "train.0-of-1.h5" in line]
    assert [line for line in found if "curves.png" not in line] == []


def test_a_job_that_still_runs_is_not_run_beside_it_however_often_it_is_tried(project):
    log = "results/tiny/logs/link_data.log"
    with locked(project.folder / log, what="running this job"):  # as the job of another Snakemake
        tried = project.snakemake("data", "--forcerun", "link_data", "--retries", "1", overlays=TINY)
    sentence = f"{log}: another process, {os.getpid()} on {os.uname().nodename}, is running this job: wait until it has"
    assert tried.returncode == 1 and tried.stderr.count(sentence) == 2
    assert sentence in (project.folder / log).read_text()  # of the last attempt


def test_a_folder_where_snakemake_cannot_write_is_a_sentence(project):
    with mounted(project.folder / ".snakemake", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs"):
        done = project.snakemake("classifier", overlays=TINY)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert re.search(r"\.snakemake: Read-only file system \(.*\): make it writable or work in another", done.stderr)


CRF = "results/tiny/crf/mdc/seed0"
SCORES = "results/tiny/predictions/mdc/seed0/true-masks/val.0-of-1.h5"


def test_a_full_disk_stops_a_rule_with_a_sentence_and_the_next_run_makes_the_rest(tiny_run):
    finished = {path: path.stat().st_mtime_ns for path in tiny_run.folder.rglob("results/tiny/**/seed0/**/weights.pt")}
    finished = {path: time for path, time in finished.items() if ".completed-" not in path.parent.name}
    assert len(finished) == 3
    with mounted(tiny_run.folder / CRF, "-t", "tmpfs", "-o", "size=8k", "tmpfs") as disk:
        done = tiny_run.snakemake("crf", "--forcerun", "apply_crf", overlays=TINY)
        names = {path.name for path in disk.rglob("*") if path.is_file()}
    assert done.returncode == 1 and "Traceback" not in done.stderr
    said = (
        rf"{CRF}/[a-z-]+/val/val_\d+\.png: No space left on device \(0\.0 of 0\.0 MB are free in .*\): free some space"
    )
    assert re.search(said, done.stderr)
    assert names and all(name.endswith(".png") and not name.startswith(".") for name in names)  # whole ones are kept
    assert tiny_run.snakemake("crf", overlays=TINY).returncode == 0
    assert finished == {path: path.stat().st_mtime_ns for path in finished}


def test_damaged_files_name_themselves_and_once_removed_are_made_again_with_all_that_was_lost(tiny_run):
    results = tiny_run.folder / "results/tiny"
    scores = tiny_run.folder / SCORES
    maps = results / "cams/mdc/seed0/main/train.0-of-1.h5"
    weights = results / "segmenter/mdc/seed0/true-masks/weights.pt"
    made_of = [results / "masks/mdc/seed0/d1/train.0-of-1.csv", results / "crf/mdc/seed0/true-masks/val.csv"]
    targets = [str(path.relative_to(tiny_run.folder)) for path in made_of]
    whole = {path: path.read_bytes() for path in (scores, maps, weights, *made_of)}
    again = "not a readable HDF5 file (.*); remove it and run the same command with the target"
    os.truncate(scores, 3000)
    failed = tiny_run.snakemake(targets[1], "--forcerun", "apply_crf", overlays=TINY)
    assert failed.returncode == 1 and "Traceback" not in failed.stderr
    assert re.search(f"{SCORES}: {again} predictions ", failed.stderr)
    os.truncate(maps, 3000)
    weights.write_bytes((results / "classifier/mdc/seed0/weights.pt").read_bytes())  # in place, so what is kept as well
    failed = tiny_run.snakemake(*targets, "--keep-going", "--set-threads", *ONE_THREAD_EACH, overlays=TINY)
    assert failed.returncode == 1 and "Traceback" not in failed.stderr
    assert re.search(f"{maps.name}: {again} cams ", failed.stderr)
    assert re.search("true-masks/weights.pt: is a classifier, not a segmenter: name the weights.pt of", failed.stderr)
    assert not made_of[0].exists()  # Snakemake removes what failed jobs had made before
    for path in (scores, maps, weights):
        path.unlink(missing_ok=True)  # Snakemake may have removed what the failed jobs had made
    lost = [*whole, results / "crf/mdc/seed0/true-masks/val.0-of-1.csv"]
    again = [str(path.relative_to(tiny_run.folder)) for path in lost]
    assert tiny_run.snakemake(*again, "--set-threads", *ONE_THREAD_EACH, overlays=TINY).returncode == 0
    assert {path: path.read_bytes() == data for path, data in whole.items()} == dict.fromkeys(whole, True)
