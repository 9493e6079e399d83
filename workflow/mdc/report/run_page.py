"""The readme stage: what a run's folder holds, and how to repeat it: versions, hardware, commit, time and memory."""

import importlib.metadata
import itertools
import os
import platform
import re
import shlex
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from mdc.runtime.files import write_whole
from mdc.runtime.progress import duration

PACKAGES = ("snakemake", "torch", "torchvision", "lightning", "numpy", "opencv-python-headless", "h5py")
PACKAGES += ("pydensecrf2", "scikit-image", "pandas")
SOURCES = ("Snakefile", "workflow", "config")  # what a run's numbers depend on, of all that a checkout holds
INCLUDE = re.compile(r'^include: "(.+)"$', re.M)
RULE = re.compile(r"^ *(?:rule (\w+):|use rule \w+ as (\w+) with:)", re.M)
ROW = re.compile(r"^\| (`.+?) \| (.+?) \| (.+) \|$", re.M)


def stages_of_rules(snakefile: Path) -> dict[str, str]:
    """Return rule -> stage: the rules that each file `<stage>.smk` defines which a Snakefile includes, in its order."""
    files = [snakefile.parent / name for name in INCLUDE.findall(snakefile.read_text())]
    return {
        next(filter(None, match.groups())): file.stem for file in files for match in RULE.finditer(file.read_text())
    }


def benchmark_table(folder: Path, stages: Mapping[str, str]) -> pd.DataFrame:
    """Return what the jobs of a run took, a row per stage and rule, in the order of stages and then of rules.

    Args:
        folder: `results/<run>/benchmarks`, one TSV of Snakemake per job below `<rule>` (a file or a folder).
        stages: see `stages_of_rules`; rules that are not among them are left out.

    Returns:
        Columns stage, rule, jobs; seconds, the sum of their wall time; cpu_seconds, NaN where it was not measured;
        max_mb, the most memory (resident set) that one of them had.
    """
    rows = []
    for path in folder.rglob("*.tsv"):
        rule = path.relative_to(folder).with_suffix("").parts[0]
        if rule in stages:
            measured = pd.read_csv(path, sep="\t", na_values=["NA", "-"]).iloc[-1]
            rows.append((stages[rule], rule, measured["s"], measured["cpu_time"], measured["max_rss"]))
    table = pd.DataFrame(rows, columns=["stage", "rule", "seconds", "cpu_seconds", "max_mb"])
    grouped = table.groupby(["stage", "rule"]).agg(
        jobs=("seconds", "size"),
        seconds=("seconds", "sum"),
        cpu_seconds=("cpu_seconds", lambda values: values.sum(min_count=len(values))),
        max_mb=("max_mb", "max"),
    )
    order = {rule: number for number, rule in enumerate(stages)}
    return grouped.reset_index().sort_values("rule", key=lambda rules: rules.map(order), ignore_index=True)


def benchmark_markdown(table: pd.DataFrame) -> str:
    """Return `benchmark_table` as Markdown, a line per stage and below it one per rule, and the sum."""

    def line(name: str, rows: pd.DataFrame) -> str:
        cpu = rows["cpu_seconds"].sum(min_count=len(rows))
        times = duration(rows["seconds"].sum()), "" if pd.isna(cpu) else duration(cpu)
        memory = "" if rows["max_mb"].isna().all() else f"{rows['max_mb'].max():.0f}"
        return f"| {name} | {rows['jobs'].sum()} | {times[0]} | {times[1]} | {memory} |"

    lines = ["| stage, rule | jobs | wall time, summed | CPU time | most memory, MB |", "|---|---:|---:|---:|---:|"]
    for stage, rows in table.groupby("stage", sort=False):
        lines.append(line(f"**{stage}**", rows))
        lines += [line(f"{row['rule']}", rows.loc[[index]]) for index, row in rows.iterrows()]
    return "\n".join([*lines, line("all", table)])


def is_there(run: Path, path: str) -> bool:
    """Return whether a folder has anything at `path`, written as in `results/README.md`.

    `<name>` stands for any part of a name, `{a,b}` for a or b, and from `<id>` or `...` on it is not looked further.
    """
    alternatives = re.search(r"\{(.+?)\}", path)
    if alternatives:
        options = alternatives[1].split(",")
        return any(is_there(run, path.replace(alternatives[0], option, 1)) for option in options)
    fixed = list(itertools.takewhile(lambda part: "<id>" not in part and part != "...", path.strip("/").split("/")))
    return any(True for _ in run.glob(re.sub("<.+?>", "*", "/".join(fixed))))


def contents(run: Path, explained: str) -> list[tuple[str, str]]:
    """Return (path, what it is) of what a run's folder holds: the lines of a table whose first path is there.

    Args:
        run: `results/<run>`.
        explained: the text of `results/README.md`, where the table stands before the second heading.
    """
    rows = [match.groups() for match in ROW.finditer(explained.split("\n## ")[0])]
    return [(path, meaning) for path, _, meaning in rows if is_there(run, path.split("`")[1])]


def hardware() -> dict[str, str]:
    """Return the processor, cores, memory, and GPUs with their driver, of this machine, as text."""
    import torch  # slow to import, and nothing else here needs it

    names = re.findall(r"^model name\s*: (.*)$", _text("/proc/cpuinfo"), re.M) or [platform.processor() or "unknown"]
    memory = re.search(r"^MemTotal:\s+(\d+) kB", _text("/proc/meminfo"), re.M)
    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    found = {
        "processor": names[0],
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "memory": f"{int(memory[1]) / 2**20:.0f} GiB" if memory else "unknown",
        "GPU": ", ".join(gpus) or "none",
        "system": platform.platform(),
    }
    driver = driver_version(_text("/proc/driver/nvidia/version"))
    return found | ({"GPU driver": driver, "CUDA": str(torch.version.cuda)} if gpus else {})


def driver_version(text: str) -> str:
    """Return the version in the text of `/proc/driver/nvidia/version`, which torch does not know; else `unknown`."""
    match = re.search(r"Kernel Module .*?(?<!\S)(\d+(?:\.\d+)+)", text)
    return match[1] if match else "unknown"


def _text(path: str) -> str:
    file = Path(path)
    return file.read_text() if file.is_file() else ""


def project_version(folder: Path) -> str:
    """Return the version in the pyproject.toml of the folder with the Snakefile, `unknown` without one."""
    text = _text(str(folder / "pyproject.toml"))
    return tomllib.loads(text)["project"]["version"] if text else "unknown"


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Return the version of Python and of every package, `not installed` where it is not."""
    found = {"Python": platform.python_version()}
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def commit(folder: Path) -> str:
    """Return the git commit of a checkout, and in how many of the workflow's files it differs; or that it is none."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        # a copy of the workflow inside a checkout of something else has no commit
        if not Path(git("rev-parse", "--show-toplevel")).samefile(folder):
            return "unknown (no git)"
        head = git("rev-parse", "HEAD")
        changed = len(git("status", "--porcelain", "--untracked-files=all", "--", *SOURCES).splitlines())
    except (OSError, subprocess.CalledProcessError):
        return "unknown (no git)"
    return head + (f", with {changed} changed or new file{'s' * (changed > 1)}" if changed else "")


def command_line(arguments: Sequence[str]) -> str:
    """Return the command that started Snakemake as one can type it, from its `sys.argv`."""
    return shlex.join(["snakemake", *arguments[1:]])


def readme_text(
    *,
    run: str,
    command: str,
    commit: str,
    versions: Mapping[str, str],
    hardware: Mapping[str, str],
    benchmarks: pd.DataFrame,
    contents: Sequence[tuple[str, str]],
) -> str:
    """Return the page as Markdown; the arguments come from the functions of this module."""
    parts = [
        f"# {run}",
        "Written by the workflow when everything else was there. Start with `report/` and `scores/summary.csv`.",
        "## Repeat it",
        f"```\n{command}\n```",
        "This command wrote this page. Or, with every key as it was, also without the files named above:",
        f"```\nsnakemake --cores 8 --configfile results/{run}/config.yaml\n```",
        f"To have all of it made again, move `results/{run}` away first and name its `config.yaml` there. The workflow "
        f"was at commit {commit}.",
        "## Made with",
        "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in versions.items())]),
        "## Made on",
        "The machine that wrote this page; on a cluster the jobs ran on its nodes.",
        "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in hardware.items())]),
        "## Time and memory",
        "The last run of every job; jobs run side by side, so the time that passed is less.",
        benchmark_markdown(benchmarks) if len(benchmarks) else "Nothing was measured.",
        "## What is where",
        "When this page was written; after another target, `--forcerun write_readme` writes it again.",
        "\n".join(["| path | what it is |", "|---|---|", *(f"| {path} | {meaning} |" for path, meaning in contents)]),
    ]
    return "\n\n".join(parts) + "\n"


def write_readme(*, run: str, results: Path, project: Path, arguments: Sequence[str], readme_md: Path) -> None:
    """Write `results/<run>/README.md`.

    Args:
        run: name of the run, below `results`.
        results: the folder of all runs; its `README.md` explains the paths.
        project: the folder of the Snakefile.
        arguments: `sys.argv` of Snakemake.
    """
    explained = project / "results" / "README.md"
    text = readme_text(
        run=run,
        command=command_line(arguments),
        commit=commit(project),
        versions={"mdc": project_version(project)} | versions(),
        hardware=hardware(),
        benchmarks=benchmark_table(results / run / "benchmarks", stages_of_rules(project / "Snakefile")),
        contents=contents(results / run, explained.read_text() if explained.is_file() else ""),
    )
    write_whole(readme_md, text.encode())
