"""The reduced demo on a real SLURM of three nodes, through failures, against the same run without SLURM."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..equality import differences
from ..workflow.conftest import ONE_THREAD_EACH, PROJECT, TINY, Project, copy_project
from . import loopback

pytestmark = [pytest.mark.slurm, pytest.mark.slow]
SMALL = (*TINY, "small.yaml")
TABLES = ("summary", "per_class", "best_thresholds", "segmenters")
SECONDS = 400  # for one of the waits; two cores that do nothing else need less than 100


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
    text = text.replace("predict_scores: *shard_on_gpu", "predict_scores: {<<: *shard_on_gpu, gpu: 2}")
    assert "CHANGE" not in text and "gpu: 2" in text
    profile.write_text(text)
    return project


@contextmanager
def started(project: Project) -> Iterator[subprocess.Popen]:
    """Start the workflow on SLURM, as profiles/README.md says but less patiently; kill it if it is there at the end."""
    command = [sys.executable, "-m", "snakemake", "scores", "--workflow-profile", "profiles/slurm"]
    command += ["--slurm-init-seconds-before-status-checks", "1", "--set-threads", *ONE_THREAD_EACH]
    with open(project.folder / "snakemake.log", "a") as log:
        snakemake = subprocess.Popen(
            [*command, "--configfile", *SMALL], cwd=project.folder, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield snakemake
        finally:
            snakemake.kill()
            snakemake.wait()


def continue_as_the_page_says(project: Project) -> None:
    """Run the commands of profiles/README.md for a Snakemake that was killed, which come before it is started again."""
    section = (PROJECT / "profiles/README.md").read_text().split("\n## On a cluster\n")[1].split("\n## ")[0]
    commands = re.search(r"^scancel --name .*\nsnakemake --unlock .*$", section, flags=re.M)[0]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(commands, shell=True, check=True, cwd=project.folder, env=os.environ | {"PATH": path}, timeout=60)


def rule_of(job: dict[str, str]) -> str:
    """Return the rule of a job of SLURM."""
    return re.sub("_wildcards_.*", "", job["Comment"].removeprefix("rule_"))


def jobs_of(cluster: loopback.Cluster, rule: str) -> list[dict[str, str]]:
    """Return the jobs of a rule in the order in which they were submitted."""
    return sorted((job for job in cluster.jobs() if rule_of(job) == rule), key=lambda job: int(job["JobId"]))


def running_jobs(cluster: loopback.Cluster, rule: str) -> list[dict[str, str]]:
    """Return the jobs of a rule that run now."""
    return [job for job in jobs_of(cluster, rule) if job["JobState"] == "RUNNING"]


def wait_for_an_epoch(folder: Path) -> None:
    """Wait until a training in `folder` has something to continue from."""
    loopback.wait_until(lambda: any(folder.glob("resume-*.ckpt")), f"no epoch in {folder}", SECONDS)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[loopback.Cluster]:
    if reason := loopback.why_not():
        pytest.skip(f"NOTHING WAS RUN ON SLURM: {reason}")
    with loopback.running(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def disturbed_run(tmp_path_factory, cluster) -> Project:
    """The run on SLURM, with what may happen: a cancelled job, a broken node, and Snakemake itself killed."""
    project = small_project(tmp_path_factory.mktemp("on_slurm"))
    results = project.folder / "results/small"
    with started(project):
        wait_for_an_epoch(results / "classifier/mdc/seed0")
        loopback.run("scancel", running_jobs(cluster, "train_classifier")[0]["JobId"])
        wait_for_an_epoch(results / "segmenter/mdc/seed0/weak-d1")
        node = running_jobs(cluster, "train_segmenter")[0]["NodeList"]
        cluster.break_node(node)
        cluster.start_node(node)
        loopback.wait_until(lambda: running_jobs(cluster, "predict_scores"), "no predictions", SECONDS)
    continue_as_the_page_says(project)
    with started(project) as snakemake:
        assert snakemake.wait(SECONDS) == 0, (project.folder / "snakemake.log").read_text()
    return project


@pytest.fixture(scope="module")
def local_run(tmp_path_factory) -> Project:
    """The same run without SLURM, and in one shard, on which nothing may depend."""
    project = small_project(tmp_path_factory.mktemp("local"))
    result = project.snakemake("scores", "--config", "shards=1", "--set-threads", *ONE_THREAD_EACH, overlays=SMALL)
    assert result.returncode == 0, result.stdout + result.stderr
    return project


def test_the_tables_are_those_of_a_run_without_slurm(disturbed_run, local_run):
    for table in TABLES:
        path = Path("results/small/scores", f"{table}.csv")
        assert (disturbed_run.folder / path).read_bytes() == (local_run.folder / path).read_bytes()


def test_all_else_is_as_in_a_run_without_slurm(disturbed_run, local_run):
    ours, theirs = (run.folder / "results/small" for run in (disturbed_run, local_run))
    found = [line for line in differences(ours, theirs) if "-of-" not in line]  # of shards, by name
    assert found == []
    assert list((ours / "crf").rglob("*.1-of-2.csv")) and list((theirs / "crf").rglob("*.0-of-1.csv"))


def test_the_cancelled_training_was_submitted_again_with_more_time_and_memory_and_continued(disturbed_run, cluster):
    jobs = jobs_of(cluster, "train_classifier")
    assert [job["JobState"] for job in jobs] == ["CANCELLED", "COMPLETED"]
    assert [job["TimeLimit"] for job in jobs] == ["12:00:00", "1-00:00:00"]
    assert [job["MinMemoryNode"] for job in jobs] == ["16000M", "32000M"]
    log = disturbed_run.folder / "results/small/logs/train_classifier/mdc/seed0.log"
    assert "continuing the unfinished training" in log.read_text()


def test_slurm_started_the_training_of_the_broken_node_again_and_it_continued(disturbed_run, cluster):
    (job,) = jobs_of(cluster, "train_segmenter")
    assert (job["JobState"], job["Restarts"]) == ("COMPLETED", "1")
    log = disturbed_run.folder / "results/small/logs/train_segmenter/mdc/seed0/weak-d1.log"
    assert "continuing the unfinished training" in log.read_text()


def test_jobs_of_a_killed_snakemake_were_cancelled_before_it_continued(disturbed_run, cluster):
    states = [job["JobState"] for job in jobs_of(cluster, "predict_scores")]
    assert "CANCELLED" in states and states.count("COMPLETED") == 2


def test_what_takes_seconds_was_not_submitted_and_the_scores_were_in_groups(disturbed_run, cluster):
    rules = ["draw_synthetic", "link_data", "compute_saliency", "train_classifier", "dump_cams", "fuse_masks"]
    rules += ["fuse_salient_masks", "sweep_threshold", "train_segmenter", "predict_scores", "apply_crf"]
    rules += ["choose_saliency_threshold", "scores_score_masks"]
    assert {rule_of(job) for job in cluster.jobs()} == set(rules)
    # all background on train and val, salient and pseudo masks, the segmenter without and with CRF: six, four to a job
    assert len(jobs_of(cluster, "scores_score_masks")) == 2


def test_shards_ran_on_several_nodes(disturbed_run, cluster):
    for rule in ("compute_saliency", "dump_cams", "apply_crf"):
        nodes = [job["NodeList"] for job in jobs_of(cluster, rule) if job["JobState"] == "COMPLETED"]
        assert len(nodes) == 2 and len(set(nodes)) == 2


def test_jobs_with_a_gpu_were_given_one_by_slurm_and_others_none(disturbed_run, cluster):
    rules = {job["JobId"]: rule_of(job) for job in cluster.jobs()}
    # on a node without GPUs SLURM sets it to an empty text
    seen = {(rules[task["SLURM_JOB_ID"]], task.get("CUDA_VISIBLE_DEVICES") or None) for task in cluster.tasks()}
    with_gpu = {rule for rule, devices in seen if devices is not None}
    assert with_gpu == {"train_classifier", "dump_cams", "train_segmenter", "predict_scores"}
    assert {devices for _, devices in seen} <= {"0", "1", "0,1", None}
    assert {rule for rule, devices in seen if devices is None}.isdisjoint(with_gpu)


def test_several_gpus_and_cores_are_those_of_one_task_on_one_node(disturbed_run, cluster):
    for rule, cores, gpus in (("predict_scores", "1", "gres:gpu:2"), ("link_data", "8", None)):
        for job in jobs_of(cluster, rule):
            if job["JobState"] == "COMPLETED":
                asked = [job[key] for key in ("NumNodes", "NumTasks", "NumCPUs")] + [job.get("TresPerJob")]
                assert asked == ["1", "1", cores, gpus]
    jobs = {job["JobId"] for job in jobs_of(cluster, "predict_scores")}
    visible = {task["CUDA_VISIBLE_DEVICES"] for task in cluster.tasks() if task["SLURM_JOB_ID"] in jobs}
    assert visible == {"0,1"}
