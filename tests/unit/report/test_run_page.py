"""The page about a run: what jobs took, and how to repeat it."""

import os
import subprocess

import pandas as pd
import pytest

from mdc.report.run_page import (
    benchmark_table,
    commit,
    write_readme,
)
from mdc.version import VERSION

NO_UTF8 = os.fsdecode(b"K\xf6ln")
HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def measured(seconds: float, *, memory: str = "100", cpu: str = "1") -> str:
    return f"{HEADER}{seconds}\t0:00:01\t{memory}\t0\t0\t0\t0\t0\t0\t{cpu}\n"


@pytest.fixture
def benchmarks(tmp_path) -> pd.DataFrame:
    """Return the table of three jobs of one rule, and of an earlier one whose memory was not measured."""
    (tmp_path / "crf" / "a").mkdir(parents=True)
    jobs = {
        "link.tsv": measured(0.5, memory="-", cpu="NA"),
        "crf/a/2.tsv": measured(1, memory="200", cpu="0.5"),
        "crf/1.tsv": measured(60, memory="300.4", cpu="58"),
        "crf/0.tsv": measured(2.5, memory="100", cpu="2"),
    }
    for second, (name, text) in enumerate(jobs.items()):
        (tmp_path / name).write_text(text)
        os.utime(tmp_path / name, (second, second))
    return benchmark_table(tmp_path)


def test_time_is_summed_and_memory_the_most(benchmarks):
    assert benchmarks.drop(columns=["cpu_seconds", "max_mb"]).to_numpy().tolist() == [
        ["link", 1, 0.5],
        ["crf", 3, 63.5],
    ]
    assert benchmarks["cpu_seconds"].tolist()[1] == 60.5 and pd.isna(benchmarks["cpu_seconds"][0])
    assert benchmarks["max_mb"].tolist()[1] == 300.4 and pd.isna(benchmarks["max_mb"][0])


def test_the_commit_says_whether_the_workflows_files_were_changed(tmp_path):
    tmp_path = tmp_path / NO_UTF8
    tmp_path.mkdir()
    assert commit(tmp_path / "nowhere") == commit(tmp_path) == "unknown (no git)"
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e"]
    subprocess.run([*git, "init", "-q"], check=True)
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow/a").write_text("1")
    subprocess.run([*git, "add", "workflow"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "x"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    (tmp_path / "photo.jpg").touch()  # is no part of the workflow
    assert commit(tmp_path) == head
    (tmp_path / "workflow/a").write_text("2")
    assert commit(tmp_path) == f"{head}, with 1 changed or new file"
    (tmp_path / "workflow/b").touch()
    assert commit(tmp_path) == f"{head}, with 2 changed or new files"
    assert commit(tmp_path / "workflow") == "unknown (no git)"


def test_the_written_page_has_the_command_as_it_can_be_typed_again(tmp_path):
    readme = tmp_path / "results" / "pets" / "README.md"
    readme.parent.mkdir(parents=True)
    arguments = ["scores", "--config", "data={source: synthetic}", "--cores", "2", "--directory", NO_UTF8]
    write_readme(readme, project=tmp_path, arguments=["/opt/venv/lib/snakemake/__main__.py", *arguments])
    text = readme.read_text(errors="surrogateescape")
    assert text.startswith("# pets\n") and "commit unknown (no git)" in text
    assert f"```\nsnakemake scores --config 'data={{source: synthetic}}' --cores 2 --directory '{NO_UTF8}'\n```" in text
    assert f"| mdc | {VERSION} |" in text and "Nothing was measured." in text
