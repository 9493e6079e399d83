"""Count what becomes of damaged and odd files: `python -m tests.fuzz --mutants 10000 --seed 0`."""

import argparse
import os
import shutil
import sys
import time
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).parents[2]
SECONDS_BETWEEN_LINES = 15
sys.path[:0] = [str(PROJECT / "workflow"), str(PROJECT)]
os.environ["PYTHONPATH"] = os.pathsep.join([*sys.path[:2], os.environ.get("PYTHONPATH", "")])
os.environ.update(OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="")

from tests.fuzz.runner import OUTCOMES, RIGHT, TRACEBACK, WRONG, outcomes  # noqa: E402


def jobs_of(kinds: dict, mutants: int) -> list[tuple[str, int]]:
    """Return (kind, number) of `mutants` mutants, divided by the kinds' shares, kinds in turn."""
    total = sum(kind.share for kind in kinds.values())
    counts = {name: round(mutants * kind.share / total) for name, kind in kinds.items()}
    name = max(counts, key=counts.get)
    counts[name] += mutants - sum(counts.values())
    return sorted(((name, n) for name, count in counts.items() for n in range(count)), key=lambda job: job[1])


def table(counts: dict[str, Counter]) -> str:
    lines = [
        "| kind | mutants | right result | clear sentence | traceback | wrong result |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, found in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
        lines.append(f"| {name} | {found.total()} | " + " | ".join(str(found[o]) for o in OUTCOMES) + " |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--kinds", nargs="*")
    parser.add_argument("--only", metavar="KIND:NUMBER")
    parser.add_argument("--folder", type=Path, default=PROJECT / "build/fuzz")
    options = parser.parse_args()
    from tests.fuzz.originals import make_originals

    folder = options.folder / f"seed{options.seed}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.chdir(folder)
    (folder / "failures").mkdir()
    make_originals(Path("originals"))
    from mdc.logs import duration
    from tests.fuzz import kinds as registry

    kinds = {n: k for n, k in registry.KINDS.items() if not options.kinds or n in options.kinds}
    jobs = jobs_of(kinds, options.mutants)
    settings = {"seed": options.seed, "failures": Path("failures"), "processes": options.processes}
    originals = [(name, -number - 1) for name, kind in kinds.items() for number in range(len(kind.originals))]
    refused = [outcome for outcome in outcomes(originals, **settings) if outcome.outcome != RIGHT]
    if refused:
        print(*(f"{outcome.kind}: an intact file is not read: {outcome.text}" for outcome in refused), sep="\n")
        return 1
    if options.only:
        name, number = options.only.rsplit(":", 1)
        jobs = [(name, int(number))]
    counts = {name: Counter() for name in kinds}
    start = last = time.monotonic()
    for done, outcome in enumerate(outcomes(jobs, **settings), start=1):
        counts[outcome.kind][outcome.outcome] += 1
        if options.only:
            print(outcome.how, outcome.outcome, outcome.text, sep="\n")
        elif outcome.outcome in (TRACEBACK, WRONG):
            reason = outcome.text.strip().splitlines()[-1][:160]
            print(f"{outcome.outcome} {outcome.kind}:{outcome.number}: {reason} [{outcome.how}]", flush=True)
        now = time.monotonic()
        if now - last > SECONDS_BETWEEN_LINES:
            last = now
            left = duration((now - start) / done * (len(jobs) - done))
            print(f"{done} of {len(jobs)}, about {left} left", flush=True)
    print(table(counts))
    print(f"{len(jobs)} mutants in {duration(time.monotonic() - start)}")
    return int(any(found[TRACEBACK] or found[WRONG] for found in counts.values()))


if __name__ == "__main__":
    sys.exit(main())
