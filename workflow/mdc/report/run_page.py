"""The page about a run: how to repeat it, versions, hardware, commit, and the time and memory of each rule."""

import importlib.metadata
import os
import platform
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from mdc.runtime.files import write_whole
from mdc.runtime.progress import duration
from mdc.version import VERSION

PACKAGES = ("snakemake", "torch", "torchvision", "lightning", "numpy", "opencv-python-headless", "h5py")
PACKAGES += ("pydensecrf2", "scikit-image", "pandas")
SOURCES = ("Snakefile", "workflow", "config")  # what a run's numbers depend on, of all that a checkout holds


def benchmark_table(folder: Path) -> pd.DataFrame:
    """Return time and memory of a run's jobs, a row per rule, in the order in which the rules were first finished.

    Args:
        folder: `results/<run>/benchmarks`, one TSV of Snakemake per job below `<rule>` (a file or a folder).

    Returns:
        Columns rule, jobs; seconds, the sum of their wall time; cpu_seconds, NaN where it was not measured; max_mb, the
        most memory (resident set) of any of them.
    """
    rows = []
    for path in sorted(folder.rglob("*.tsv"), key=lambda path: path.stat().st_mtime):
        rule = path.relative_to(folder).with_suffix("").parts[0]
        measured = pd.read_csv(path, sep="\t", na_values=["NA", "-"]).iloc[-1]
        rows.append((rule, measured["s"], measured["cpu_time"], measured["max_rss"]))
    table = pd.DataFrame(rows, columns=["rule", "seconds", "cpu_seconds", "max_mb"])
    grouped = table.groupby("rule", sort=False).agg(
        jobs=("seconds", "size"),
        seconds=("seconds", "sum"),
        cpu_seconds=("cpu_seconds", lambda values: values.sum(min_count=len(values))),
        max_mb=("max_mb", "max"),
    )
    return grouped.reset_index()


def benchmark_markdown(table: pd.DataFrame) -> str:
    """Return `benchmark_table` as Markdown, a line per rule, and the sum."""

    def line(name: str, rows: pd.DataFrame) -> str:
        cpu = rows["cpu_seconds"].sum(min_count=len(rows))
        times = duration(rows["seconds"].sum()), "" if pd.isna(cpu) else duration(cpu)
        memory = "" if rows["max_mb"].isna().all() else f"{rows['max_mb'].max():.0f}"
        return f"| {name} | {rows['jobs'].sum()} | {times[0]} | {times[1]} | {memory} |"

    lines = ["| rule | jobs | wall time, summed | CPU time | most memory, MB |", "|---|---:|---:|---:|---:|"]
    lines += [line(row["rule"], table.loc[[index]]) for index, row in table.iterrows()]
    return "\n".join([*lines, line("all", table)])


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
    return file.read_text(encoding="utf-8") if file.is_file() else ""


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
        said = subprocess.run(command, capture_output=True, check=True).stdout
        return os.fsdecode(said).strip()  # names of folders may be in another encoding than the locale's

    try:
        # a copy of the workflow inside a checkout of something else has no commit
        if not Path(git("rev-parse", "--show-toplevel")).samefile(folder):
            return "unknown (no git)"
        head = git("rev-parse", "HEAD")
        changed = len(git("status", "--porcelain", "--untracked-files=all", "--", *SOURCES).splitlines())
    except (OSError, subprocess.CalledProcessError):
        return "unknown (no git)"
    return head + (f", with {changed} changed or new file{'s' * (changed > 1)}" if changed else "")


def readme_text(
    *,
    run: str,
    command: str,
    commit: str,
    versions: Mapping[str, str],
    hardware: Mapping[str, str],
    benchmarks: pd.DataFrame,
) -> str:
    """Return the page as Markdown; the arguments come from the functions of this module."""
    parts = [
        f"# {run}",
        "Start with `report/` and `scores/summary.csv`; results/README.md of the project explains all other files.",
        "## Repeat it",
        f"```\n{command}\n```",
        "This command wrote this page. Or, with every key as it was, also without the files named above:",
        f"```\nsnakemake --cores 8 --configfile results/{run}/config.yaml\n```",
        f"To make everything again, move `results/{run}` away first and name its `config.yaml` there. The workflow "
        f"was at commit {commit}.",
        "## Made with",
        "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in versions.items())]),
        "## Made on",
        "The machine that wrote this page; on a cluster the jobs ran on its nodes.",
        "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in hardware.items())]),
        "## Time and memory",
        "The last run of every job; jobs run side by side, so the time that passed is less.",
        benchmark_markdown(benchmarks) if len(benchmarks) else "Nothing was measured.",
    ]
    return "\n\n".join(parts) + "\n"


def write_readme(readme_md: Path, *, project: Path, arguments: Sequence[str]) -> None:
    """Write `results/<run>/README.md`.

    Args:
        project: the folder of the Snakefile.
        arguments: `sys.argv` of Snakemake.
    """
    run = readme_md.parent
    text = readme_text(
        run=run.name,
        command=shlex.join(["snakemake", *arguments[1:]]),
        commit=commit(project),
        versions={"mdc": VERSION} | versions(),
        hardware=hardware(),
        benchmarks=benchmark_table(run / "benchmarks"),
    )
    write_whole(readme_md, text.encode(errors="surrogateescape"))  # arguments as they were typed
