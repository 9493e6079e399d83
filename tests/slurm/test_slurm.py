"""The reduced demo on a real SLURM of three nodes, through failures, against the same run without SLURM."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..workflow.conftest import ONE_THREAD_EACH, TINY, Project, copy_project
from . import loopback

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.slow,
    pytest.mark.skipif(bool(loopback.why_not()), reason=f"NOT TESTED ON SLURM: {loopback.why_not()}"),
]
SMALL = (*TINY, "small.yaml")
TABLES = ("summary", "per_class", "best_thresholds", "segmenters")
SECONDS = 300


def small_project(folder: Path) -> Project:
    """Return a copy of the project in which the lines of profiles/slurm marked SITE are filled in."""
    project = copy_project(folder)
    (folder / "small.yaml").write_text(Path(__file__).with_name("small.yaml").read_text())
    profile = folder / "profiles/slurm/config.yaml"
    text = profile.read_text().replace("# slurm-status-command: squeue ", "slurm-status-command: squeue ")
    text = text.replace("slurm_account: CHANGE ", "slurm_account: lab ")
    text = text.replace("slurm_partition: CHANGE ", "slurm_partition: cpu ")
    # the demo is for CPUs; here its jobs ask for GPUs all the same
    text = text.replace("slurm_partition: CHANGE_GPU ", "slurm_partition: gpu\n    gpu: 1 ")
    assert "CHANGE" not in text
    profile.write_text(text)
    return project


def start(project: Project) -> subprocess.Popen:
    """Start the workflow on SLURM, as the README says, with tests' patience; its words go to `snakemake.log`."""
    command = [sys.executable, "-m", "snakemake", "scores", "--workflow-profile", "profiles/slurm"]
    command += ["--slurm-init-seconds-before-status-checks", "1", "--set-threads", *ONE_THREAD_EACH]
    with open(project.folder / "snakemake.log", "a") as log:
        return subprocess.Popen(
            [*command, "--configfile", *SMALL], cwd=project.folder, stdout=log, stderr=log, env=os.environ
        )


def rule_of(job: dict[str, str]) -> str:
    """Return the rule of a job of SLURM."""
    return re.sub("_wildcards_.*", "", job["Comment"].removeprefix("rule_"))


def running_job(cluster: loopback.Cluster, rule: str) -> dict[str, str]:
    """Return the one running job of a rule."""
    (job,) = (job for job in cluster.jobs() if job["JobState"] == "RUNNING" and rule_of(job) == rule)
    return job


def wait_for_an_epoch(folder: Path) -> None:
    """Wait until a training in `folder` has something to continue from."""
    loopback.wait_until(lambda: any(folder.glob("resume-*.ckpt")), f"no epoch in {folder}", SECONDS)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[loopback.Cluster]:
    with loopback.running(tmp_path_factory.mktemp("slurm") / "cluster") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def disturbed_run(tmp_path_factory, cluster) -> Project:
    """The run on SLURM; the classifier's job was cancelled and the segmenter's node broke, each amid its training."""
    project = small_project(tmp_path_factory.mktemp("on_slurm"))
    results = project.folder / "results/small"
    snakemake = start(project)
    try:
        wait_for_an_epoch(results / "classifier/mdc/seed0")
        loopback.run("scancel", running_job(cluster, "train_classifier")["JobId"])
        wait_for_an_epoch(results / "segmenter/mdc/seed0/weak-d1")
        node = running_job(cluster, "train_segmenter")["NodeList"]
        cluster.break_node(node)
        loopback.wait_until(lambda: cluster.state(node).endswith("*"), f"SLURM does not miss {node}")
        cluster.start_node(node)
        assert snakemake.wait(SECONDS) == 0, (project.folder / "snakemake.log").read_text()
    finally:
        snakemake.kill()
    return project


@pytest.fixture(scope="module")
def local_run(tmp_path_factory) -> Project:
    """The same run without SLURM."""
    project = small_project(tmp_path_factory.mktemp("local"))
    result = project.snakemake("scores", "--set-threads", *ONE_THREAD_EACH, overlays=SMALL)
    assert result.returncode == 0, result.stdout + result.stderr
    return project


def test_the_tables_are_those_of_a_run_without_slurm(disturbed_run, local_run):
    for table in TABLES:
        path = Path("results/small/scores", f"{table}.csv")
        assert (disturbed_run.folder / path).read_bytes() == (local_run.folder / path).read_bytes()


def test_the_cancelled_training_was_submitted_again_and_continued(disturbed_run, cluster):
    jobs = [job for job in cluster.jobs() if rule_of(job) == "train_classifier"]
    assert [job["JobState"] for job in sorted(jobs, key=lambda job: int(job["JobId"]))] == ["CANCELLED", "COMPLETED"]
    log = disturbed_run.folder / "results/small/logs/train_classifier/mdc/seed0.log"
    assert "continuing the unfinished training" in log.read_text()


def test_slurm_started_the_training_of_the_broken_node_again_and_it_continued(disturbed_run, cluster):
    (job,) = (job for job in cluster.jobs() if rule_of(job) == "train_segmenter")
    assert (job["JobState"], job["Restarts"]) == ("COMPLETED", "1")
    log = disturbed_run.folder / "results/small/logs/train_segmenter/mdc/seed0/weak-d1.log"
    assert "continuing the unfinished training" in log.read_text()


def test_shards_ran_on_several_nodes(disturbed_run, cluster):
    for rule in ("dump_cams", "apply_crf"):
        nodes = [job["NodeList"] for job in cluster.jobs() if rule_of(job) == rule]
        assert len(nodes) == 2 and len(set(nodes)) == 2


def test_jobs_with_a_gpu_were_given_one_by_slurm_and_others_none(disturbed_run, cluster):
    rules = {job["JobId"]: rule_of(job) for job in cluster.jobs()}
    seen = {(rules[task["SLURM_JOB_ID"]], task.get("CUDA_VISIBLE_DEVICES")) for task in cluster.tasks()}
    with_gpu = {rule for rule, devices in seen if devices is not None}
    assert with_gpu == {"train_classifier", "dump_cams", "train_segmenter", "predict_scores"}
    assert {devices for _, devices in seen} <= {"0", "1", None}
    assert {rule for rule, devices in seen if devices is None}.isdisjoint(with_gpu)
