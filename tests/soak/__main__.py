"""Stop the reduced demo at random moments, continue it, and compare the results with those of a run left alone.

python -m tests.soak --runs 50 --seed 0      (in the project's folder; the same command goes on where it was)

Each run is a copy of the project in which Snakemake leads its own session. At a moment drawn evenly from the duration
of the run left alone, it and everything it has started get SIGKILL (or SIGTERM); then the README's commands continue
it: `snakemake --unlock` and the same command. The folder of the soak, build/soak unless told otherwise, has reference/,
the run left alone, runs.jsonl, a line per run, and run-<n>/ of each that did not end equal.

The exit status is 1 if a run did not end equal. A folder belongs to one state of the code and one set of arguments.
"""

import argparse
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from tests.equality import differences
from tests.interruption import start, stop
from tests.soak.said import finished_jobs, lost_epochs, trained_epochs
from tests.workflow.conftest import ONE_THREAD_EACH, copy_project

OVERLAY = Path(__file__).with_name("reduced.yaml")
RESULTS = "results/soak"
LONGEST_SECONDS = 1200  # of anything that takes half a minute on two cores
LONGEST_STOP_SECONDS = 120
LEFT_OUT = (".snakemake", "results", "said.txt", "__pycache__")


class Copy:
    """A copy of the project in which the reduced demo is run."""

    def __init__(self, folder: Path, cores: int) -> None:
        self.folder = folder
        overlays = ["--configfile", "config/demo.yaml", OVERLAY.name]
        self.arguments = ["scores", "--cores", str(cores), *overlays, "--set-threads", *ONE_THREAD_EACH]

    def run(self, *arguments: str, until: float | None = None, number: int = signal.SIGKILL) -> tuple[int | None, str]:
        """Return the exit status of Snakemake and what it said; stopped after `until` seconds, None and the rules."""
        log = self.folder / "said.txt"
        log.unlink(missing_ok=True)
        process = start(arguments or self.arguments, folder=self.folder, log=log)
        try:
            status = process.wait(LONGEST_SECONDS if until is None else until)
        except subprocess.TimeoutExpired:
            rules = stop(process, number, seconds=LONGEST_STOP_SECONDS)
            return None, f"stopped in {' '.join(rules) or 'no rule'}\n{log.read_text(errors='replace')}"
        finally:
            if process.poll() is None:  # the soak itself is stopped
                stop(process, signal.SIGKILL, seconds=LONGEST_STOP_SECONDS)
        return status, log.read_text(errors="replace")


def reference_seconds(folder: Path, cores: int) -> float:
    """Return the duration of the run left alone, which is made unless it is there."""
    done = folder / "reference.json"
    if not done.exists():
        shutil.rmtree(folder / "reference", ignore_errors=True)
        copy = Copy(copy_project(folder / "reference").folder, cores)
        shutil.copy(OVERLAY, copy.folder)
        begin = time.monotonic()
        status, said = copy.run()
        if status:
            sys.exit(f"the run left alone has failed: {said}")
        done.write_text(json.dumps(time.monotonic() - begin))
    return json.loads(done.read_text())


def losses(said: list[str]) -> list[str]:
    """Return what was finished in one part of a run and done again in a later one."""
    jobs = [job for text in said for job in finished_jobs(text)]
    found = [f"done again: {job}" for job in dict.fromkeys(jobs) if jobs.count(job) > 1]
    before: dict[str, tuple[int, int]] = {}
    for epochs in map(trained_epochs, said):
        found += [f"{stage}: {count} epochs lost" for stage, count in lost_epochs(before, epochs).items()]
        before |= epochs
    return found


def interrupted_run(folder: Path, run: int, given: argparse.Namespace, *, longest: float) -> dict:
    """Start a run, stop it at moments before `longest` seconds, continue it to its end; return what came of it."""
    rng, begin = np.random.default_rng([given.seed, run]), time.monotonic()
    target = folder / f"run-{run}"
    shutil.rmtree(target, ignore_errors=True)
    # of the folder in which the reference was run, so that all runs have the same code
    shutil.copytree(folder / "reference", target, ignore=shutil.ignore_patterns(*LEFT_OUT))
    copy, said, stops, troubles = Copy(target, given.cores), [], [], []
    for moment in rng.uniform(0, longest, given.kills):
        status, text = copy.run(until=moment, number=signal.Signals[f"SIG{given.signal}"])
        said.append(text)
        if status is not None:
            break  # done before it could be stopped again
        stops.append(f"{moment:.2f} s, {text.splitlines()[0]}")
        if copy.run("--unlock")[0]:
            troubles.append("snakemake --unlock failed")
    status, text = copy.run()
    said.append(text)
    troubles += [f"continuing ended with {status}"] if status else []
    if "Nothing to be done" not in copy.run("--dry-run", *copy.arguments)[1]:
        troubles.append("when it was done, something was left to do")
    troubles += losses(said) + differences(folder / "reference" / RESULTS, target / RESULTS)
    epochs, seconds = [trained_epochs(text) for text in said], round(time.monotonic() - begin, 1)
    return {"run": run, "stops": stops, "epochs": epochs, "seconds": seconds, "differences": troubles}


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
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    longest, table = reference_seconds(folder, given.cores), folder / "runs.jsonl"
    print(f"the run left alone took {longest:.1f} s", flush=True)
    rows = [json.loads(line) for line in table.read_text().splitlines()] if table.exists() else []
    for run in sorted(set(range(given.runs)) - {row["run"] for row in rows}):
        rows.append(interrupted_run(folder, run, given, longest=longest))
        with table.open("a") as file:
            file.write(json.dumps(rows[-1]) + "\n")
        if not rows[-1]["differences"]:
            shutil.rmtree(folder / f"run-{run}")
        print(json.dumps(rows[-1]), flush=True)
    equal = sum(not row["differences"] for row in rows)
    resumed = sum(any(first > 1 for part in row["epochs"] for first, _ in part.values()) for row in rows)
    print(f"{equal} of {len(rows)} runs ended equal; {resumed} went on with a training.")
    sys.exit(equal < len(rows))


if __name__ == "__main__":
    main()
