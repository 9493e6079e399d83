"""The page that explains a run: which rules belong to which stage, what jobs took, what is there."""

import subprocess
from pathlib import Path

import pandas as pd
import pytest

from mdc.report.run_page import (
    benchmark_markdown,
    benchmark_table,
    command_line,
    commit,
    contents,
    driver_version,
    hardware,
    project_version,
    readme_text,
    stages_of_rules,
    versions,
)

ROOT = Path(__file__).parents[3]
HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def measured(seconds: float, *, memory: str = "100", cpu: str = "1") -> str:
    return f"{HEADER}{seconds}\t0:00:01\t{memory}\t0\t0\t0\t0\t0\t0\t{cpu}\n"


@pytest.fixture
def benchmarks(tmp_path) -> pd.DataFrame:
    """Return the table of three jobs of one rule, and of one whose memory was not measured."""
    (tmp_path / "crf" / "a").mkdir(parents=True)
    (tmp_path / "crf" / "0.tsv").write_text(measured(2.5, memory="100", cpu="2"))
    (tmp_path / "crf" / "1.tsv").write_text(measured(60, memory="300.4", cpu="58"))
    (tmp_path / "crf" / "a" / "2.tsv").write_text(measured(1, memory="200", cpu="0.5"))
    (tmp_path / "link.tsv").write_text(measured(0.5, memory="-", cpu="NA"))
    (tmp_path / "of_before.tsv").write_text(measured(9))  # a rule that is no more
    return benchmark_table(tmp_path, {"link": "data", "crf": "crf"})


def test_rules_belong_to_the_stage_of_their_file_in_the_snakefiles_order(tmp_path):
    (tmp_path / "Snakefile").write_text(
        'include: "rules/masks.smk"\n# include: "rules/old.smk"\ninclude: "rules/cams.smk"\n'
    )
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/masks.smk").write_text(
        'rule masks:\n    input: "x"\n\nif True:\n\n    rule fuse:\n        output: "y"\n'
    )
    (tmp_path / "rules/cams.smk").write_text("use rule a as b with:\n    output: 'z'\n# rule nothing:\n")
    assert list(stages_of_rules(tmp_path / "Snakefile").items()) == [
        ("masks", "masks"),
        ("fuse", "masks"),
        ("b", "cams"),
    ]
    real = stages_of_rules(ROOT / "Snakefile")
    assert real["train_segmenter"] == "segmenter" and real["dump_untrained_cams"] == "cams"
    assert list(dict.fromkeys(real.values()))[:4] == ["downloads", "data", "saliency", "classifier"]


def test_time_is_summed_and_memory_the_most(benchmarks):
    assert benchmarks.drop(columns=["cpu_seconds", "max_mb"]).to_numpy().tolist() == [
        ["data", "link", 1, 0.5],
        ["crf", "crf", 3, 63.5],
    ]
    assert benchmarks["cpu_seconds"].tolist()[1] == 60.5 and pd.isna(benchmarks["cpu_seconds"][0])
    assert benchmarks["max_mb"].tolist()[1] == 300.4 and pd.isna(benchmarks["max_mb"][0])


def test_time_and_memory_to_read(benchmarks):
    assert benchmark_markdown(benchmarks).splitlines()[2:] == [
        "| **data** | 1 | 0 s |  |  |",
        "| link | 1 | 0 s |  |  |",
        "| **crf** | 3 | 1:04 | 1:00 | 300 |",
        "| crf | 3 | 1:04 | 1:00 | 300 |",
        "| all | 4 | 1:04 |  | 300 |",
    ]


def test_only_what_is_there_is_explained(tmp_path):
    explained = """# Title
| path | made by | what it is |
|---|---|---|
| `config.yaml` | `a` | the configuration |
| `data/{train,val}.csv` | `b` | tables |
| `data/shapes/` | `b` | drawn |
| `masks/<classifier>/seed<seed>/<maps>/<split>/<id>.png` | `c` | masks |
| `masks/<classifier>/seed<seed>/salient-<maps>/...` | `c` | the baseline |
| `{classifier,segmenter}/<classifier>/checked.csv` | `d` | what was checked |
| `crf/.../<setting>/<id>.png` | `e` | refined |
| `logs/`, `benchmarks/` | every rule | what it said |

## Later
| `config.yaml` | `z` | another table |
"""
    for file in (
        "config.yaml",
        "data/val.csv",
        "masks/mdc/seed0/d1/val/x/y.png",
        "segmenter/mdc/checked.csv",
        "logs/a",
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    found = ["the configuration", "tables", "masks", "what was checked", "what it said"]
    assert [meaning for _, meaning in contents(tmp_path, explained)] == found
    (tmp_path / "masks/mdc/seed0/salient-d1").mkdir()
    (tmp_path / "crf").mkdir()
    assert [meaning for _, meaning in contents(tmp_path, explained)] == [
        *found[:3],
        "the baseline",
        "what was checked",
        "refined",
        "what it said",
    ]


def test_the_command_can_be_typed_again():
    arguments = ["/opt/venv/lib/snakemake/__main__.py", "scores", "--config", "data={source: shapes}", "--cores", "2"]
    assert command_line(arguments) == "snakemake scores --config 'data={source: shapes}' --cores 2"


def test_the_commit_says_whether_the_workflows_files_were_changed(tmp_path):
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


def test_the_projects_version_is_that_beside_the_snakefile(tmp_path):
    assert project_version(tmp_path) == "unknown"
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "mdc"\nversion = "7.1"\n')
    assert project_version(tmp_path) == "7.1"


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024", "550.54.15"),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  575.57  Release Build", "575.57"),
        ("", "unknown"),
    ],
)
def test_the_driver_of_the_gpu(line, version):
    assert driver_version(f"{line}\nGCC version:  gcc version 12.3.0 (Ubuntu 12.3.0-1ubuntu1)\n") == version


def test_versions_and_hardware_are_those_of_this_machine():
    found = versions(("numpy", "no-such-package"))
    import numpy

    assert found["numpy"] == numpy.__version__ and found["no-such-package"] == "not installed"
    machine = hardware()
    assert int(machine["cores"]) >= 1 and machine["memory"].endswith(" GiB")


def test_the_page(benchmarks):
    text = readme_text(
        run="pets",
        command="snakemake --cores 2",
        commit="c0ffee",
        versions={"Python": "3.11"},
        hardware={"GPU": "none"},
        benchmarks=benchmarks,
        contents=[("`config.yaml`", "the configuration")],
    )
    assert text.startswith("# pets\n")
    assert "```\nsnakemake --cores 2\n```" in text and "--configfile results/pets/config.yaml" in text
    for words in ("commit c0ffee", "| Python | 3.11 |", "| GPU | none |", "| **crf** | 3 |"):
        assert words in text
    assert text.endswith("| `config.yaml` | the configuration |\n")
