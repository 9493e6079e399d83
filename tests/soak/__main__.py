"""Stop the reduced demo at random moments, continue it, and compare the results with those of a run left alone.

python -m tests.soak --runs 50 --seed 0      (in the project's folder; the same command goes on where it was)

Each run is a copy of the project in which Snakemake leads its own session. At a moment drawn evenly from the duration
of the run left alone, it and everything it has started get SIGKILL (or SIGTERM); then the README's commands continue
it: `snakemake --unlock` and the same command. In the folder of the soak, build/soak unless told otherwise:

- reference/, the run left alone, and reference.json with its duration;
- runs.csv, a row per run, written as soon as the run is done;
- summary.md, the table of these rows;
- run-<n>/, the copies of runs that did not end equal; the others are removed.

The exit status is 1 if a run did not end equal. A folder belongs to one state of the code and one set of arguments.
"""

import argparse
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from mdc.runtime.files import write_whole
from tests.equality import differences
from tests.interruption import start, stop
from tests.soak.said import finished_jobs, lost_epochs, trained_epochs
from tests.workflow.conftest import ONE_THREAD_EACH, copy_project

OVERLAY = Path(__file__).with_name("reduced.yaml")
RESULTS = "results/soak"
LONGEST_SECONDS = 1200  # of anything that takes half a minute on two cores
LONGEST_STOP_SECONDS = 120
LEFT_OUT = (".snakemake", "results", "said-*.txt", "__pycache__")


@dataclass(frozen=True)
class Row:
    """What is kept of a run. Several stops, or parts between them, stand side by side, divided by "; "."""

    run: int
    moments: str  # of the stops, in seconds from the start of Snakemake
    running: str  # rules at each stop, - for none
    finished: str  # jobs in each part
    epochs: str  # trained in each part
    seconds: float
    differences: str  # empty: equal, and nothing finished was lost


@dataclass(frozen=True)
class Plan:
    """How runs are stopped: `kills` times each, by a signal, in the workflow on `cores` cores."""

    seed: int
    kills: int
    number: signal.Signals
    cores: int

    @property
    def arguments(self) -> list[str]:
        """The command line of the reduced demo, without `snakemake`."""
        threads = dict.fromkeys(ONE_THREAD_EACH)
        overlays = ["--configfile", "config/demo.yaml", OVERLAY.name]
        return ["scores", "--cores", str(self.cores), *overlays, "--set-threads", *threads]


class Copy:
    """A copy of the project and what was said in it, a text per call of Snakemake."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = 0

    @contextmanager
    def running(self, arguments: list[str]) -> Iterator[subprocess.Popen]:
        """Start Snakemake, whose words are then the last said; nothing of it outlives the block."""
        self.calls += 1
        process = start(arguments, folder=self.folder, log=self.said(self.calls))
        try:
            yield process
        finally:
            if process.poll() is None:
                stop(process, signal.SIGKILL, seconds=LONGEST_STOP_SECONDS)

    def finish(self, arguments: list[str]) -> int:
        """Run Snakemake to its end and return its exit status."""
        with self.running(arguments) as process:
            return process.wait(LONGEST_SECONDS)

    def said(self, call: int) -> Path:
        """Return the file with what was said in a call, from 1."""
        return self.folder / f"said-{call}.txt"

    def last_said(self) -> str:
        """Return what was said in the last call."""
        return self.said(self.calls).read_text(errors="replace")


def reference_seconds(folder: Path, plan: Plan) -> float:
    """Return the duration of the run left alone, which is made unless it is there."""
    done = folder / "reference.json"
    if not done.exists():
        shutil.rmtree(folder / "reference", ignore_errors=True)
        copy = Copy(copy_project(folder / "reference").folder)
        shutil.copy(OVERLAY, copy.folder)
        begin = time.monotonic()
        if copy.finish(plan.arguments):
            sys.exit(f"the run left alone has failed: {copy.said(1)}")
        write_whole(done, json.dumps({"seconds": time.monotonic() - begin}).encode())
    return json.loads(done.read_text())["seconds"]


def interrupted_run(folder: Path, number: int, plan: Plan, *, longest: float) -> Row:
    """Start a run, stop it at moments before `longest` seconds, continue it to its end; return what came of it."""
    rng = np.random.default_rng([plan.seed, number])
    begin = time.monotonic()
    copy = _fresh_copy(folder, number)
    moments, running, said, troubles = [], [], [], []
    while len(moments) < plan.kills:
        moment = rng.uniform(0, longest)
        with copy.running(plan.arguments) as process:
            try:
                process.wait(moment)
            except subprocess.TimeoutExpired:
                moments.append(f"{moment:.2f}")
                try:
                    running.append(" ".join(stop(process, plan.number, seconds=LONGEST_STOP_SECONDS)) or "-")
                except TimeoutError as error:
                    troubles.append(str(error))
                    running.append("?")
        if len(moments) > len(said):
            said.append(copy.last_said())
            if status := copy.finish(["--unlock"]):
                troubles.append(f"snakemake --unlock ended with {status}")
        elif moments:
            break  # done before it could be stopped again
        else:  # faster than the run left alone
            copy = _fresh_copy(folder, number)
    if status := copy.finish(plan.arguments):
        troubles.append(f"continuing ended with {status}")
    said.append(copy.last_said())
    copy.finish(["--dry-run", *plan.arguments])
    if "Nothing to be done" not in copy.last_said():
        troubles.append("when it was done, something was left to do")
    epochs = [trained_epochs(text) for text in said]
    return Row(
        run=number,
        moments="; ".join(moments),
        running="; ".join(running),
        finished="; ".join(str(len(finished_jobs(text))) for text in said),
        epochs="; ".join(_shown(part) for part in epochs),
        seconds=round(time.monotonic() - begin, 1),
        differences="; ".join(
            troubles + _losses(said) + differences(folder / "reference" / RESULTS, copy.folder / RESULTS)
        ),
    )


def _fresh_copy(folder: Path, number: int) -> Copy:
    """Return a copy of the project that the reference was run in, so that all runs have the same code."""
    target = folder / f"run-{number}"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder / "reference", target, ignore=shutil.ignore_patterns(*LEFT_OUT))
    return Copy(target)


def _losses(said: list[str]) -> list[str]:
    """Return what was finished in one part of a run and done again in a later one."""
    jobs = [job for text in said for job in finished_jobs(text)]
    losses = [f"done again: {job}" for job in dict.fromkeys(jobs) if jobs.count(job) > 1]
    before: dict[str, tuple[int, int]] = {}
    for epochs in map(trained_epochs, said):
        losses += [f"{stage}: {count} epochs lost" for stage, count in lost_epochs(before, epochs).items()]
        before |= epochs
    return losses


def _shown(epochs: dict[str, tuple[int, int]]) -> str:
    return ", ".join(f"{stage} {first}-{last}" for stage, (first, last) in epochs.items()) or "-"


def read_rows(path: Path) -> list[Row]:
    """Return the runs that were done earlier."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        types = {field.name: field.type for field in fields(Row)}
        return [Row(**{name: types[name](value) for name, value in row.items()}) for row in csv.DictReader(file)]


def append_row(path: Path, row: Row) -> None:
    """Add a run to the table, at once and for good."""
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(asdict(row))
        file.flush()
        os.fsync(file.fileno())


def summary(rows: list[Row], plan: Plan, longest: float) -> str:
    """Return the runs as a table in Markdown, with a headline that counts those that ended equal."""
    equal = sum(not row.differences for row in rows)
    resumed = sum(max(_first_epochs(row), default=1) > 1 for row in rows)
    names = [field.name for field in fields(Row)]
    lines = [
        f"{equal} of {len(rows)} runs equal after {plan.kills} x {plan.number.name} each (seed {plan.seed}, "
        f"{plan.cores} cores; the run left alone took {longest:.0f} s); {resumed} went on with a training.",
        "",
        f"| {' | '.join(names)} |",
        "|" + "---|" * len(names),
    ]
    for row in rows:
        cells = asdict(row) | {"differences": row.differences or "equal"}
        lines.append(f"| {' | '.join(str(cell).replace('|', '/') for cell in cells.values())} |")
    return "\n".join(lines) + "\n"


def _first_epochs(row: Row) -> list[int]:
    """Return the epoch at which each training of each part began."""
    trainings = [training for part in row.epochs.split("; ") for training in part.split(", ") if training != "-"]
    return [int(training.split(" ")[1].split("-")[0]) for training in trainings]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kills", type=int, default=1, help="stops of each run")
    parser.add_argument("--signal", choices=["KILL", "TERM"], default="KILL")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("build/soak"))
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what runs is stopped too
    plan = Plan(seed=given.seed, kills=given.kills, number=signal.Signals[f"SIG{given.signal}"], cores=given.cores)
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    longest = reference_seconds(folder, plan)
    print(f"the run left alone took {longest:.1f} s", flush=True)
    table = folder / "runs.csv"
    done = {row.run for row in read_rows(table)}
    for number in range(given.runs):
        if number not in done:
            row = interrupted_run(folder, number, plan, longest=longest)
            append_row(table, row)
            if not row.differences:
                shutil.rmtree(folder / f"run-{number}")
            print(
                f"run {number}: {row.running} at {row.moments} s, {row.seconds} s: {row.differences or 'equal'}",
                flush=True,
            )
    rows = sorted(read_rows(table), key=lambda row: row.run)
    write_whole(folder / "summary.md", summary(rows, plan, longest).encode())
    print(f"\n{(folder / 'summary.md').read_text()}")
    sys.exit(any(row.differences for row in rows))


if __name__ == "__main__":
    main()
