"""Count what becomes of mutants; `tests/fuzz/__init__.py` says what is counted as what.

What fails is kept in build/fuzz/seed<seed>/failures, with the reason beside it; `--only KIND:NUMBER` shows one again.
"""

import argparse
import logging
import os
import shutil
import sys
import warnings
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).parents[2]
sys.path[:0] = [str(PROJECT / "workflow"), str(PROJECT)]
# of this process and of those that it starts
os.environ["PYTHONPATH"] = os.pathsep.join([*sys.path[:2], os.environ.get("PYTHONPATH", "")])
os.environ.update(OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="")

from mdc.runtime.progress import progress  # noqa: E402
from tests.fuzz.kinds import KINDS, SNAKEMAKES_OWN  # noqa: E402
from tests.fuzz.originals import make_originals  # noqa: E402
from tests.fuzz.runner import OUTCOMES, RIGHT, TRACEBACK, WRONG, outcomes  # noqa: E402


def jobs_of(shares: dict[str, float], mutants: int) -> list[tuple[str, int]]:
    """Return (kind, number) of `mutants` mutants, divided by the kinds' shares; kinds take turns."""
    total = sum(shares.values())
    counts = {name: int(mutants * share / total) for name, share in shares.items()}
    counts[next(iter(counts))] += mutants - sum(counts.values())
    return sorted(((name, n) for name, count in counts.items() for n in range(count)), key=lambda job: job[1])


def table(counts: dict[str, Counter]) -> str:
    """Return the counts as a Markdown table, with a last row for all of them."""
    columns = ["kind", "mutants", "right result", "clear sentence", "left out", "traceback", "wrong result"]
    rows = [columns, ["---", *["---:"] * (len(columns) - 1)]]
    for name, found in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
        rows.append([name, str(found.total()), *(str(found[outcome]) for outcome in OUTCOMES)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> int:
    """Return the exit status: 1 if there is a traceback or a wrong result."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--mutants", type=int, default=10_000, help="how many, over all kinds (default: 10000)")
    parser.add_argument("--seed", type=int, default=0, help="another one gives other mutants (default: 0)")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="side by side (default: all cores)")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), help="only these", metavar="KIND")
    parser.add_argument("--only", metavar="KIND:NUMBER", help="one mutant: how it was made, and what came out")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of libraries, about trainings as short as the originals'
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)

    folder = PROJECT / "build/fuzz" / ("only" if options.only else f"seed{options.seed}")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "failures").mkdir(parents=True)
    os.chdir(folder)
    logging.disable()  # the stages', of the originals
    make_originals(Path("originals"))
    logging.disable(logging.NOTSET)

    settings = {"seed": options.seed, "failures": Path("failures"), "processes": options.processes}
    originals = [(name, -number - 1) for name in options.kinds for number in range(len(KINDS[name].originals))]
    for outcome in outcomes(originals, **settings):
        if outcome.outcome != RIGHT:
            raise SystemExit(f"{outcome.kind}: an intact file is not read: {outcome.text}")
    if options.only:
        kind, number = options.only.rsplit(":", 1)
        (outcome,) = outcomes([(kind, int(number))], **settings)
        print(outcome.how, outcome.outcome, outcome.text, sep="\n")
        return int(outcome.outcome in (TRACEBACK, WRONG))

    jobs = jobs_of({name: KINDS[name].share for name in options.kinds}, options.mutants)
    counts = {name: Counter() for name in options.kinds}
    by_snakemake = 0
    for outcome in progress(outcomes(jobs, **settings), total=len(jobs), label="mutants"):
        counts[outcome.kind][outcome.outcome] += 1
        by_snakemake += outcome.text.startswith(SNAKEMAKES_OWN)
        if outcome.outcome in (TRACEBACK, WRONG):
            reason = outcome.text.strip().splitlines()[-1][:160]
            print(f"{outcome.outcome} {outcome.kind}:{outcome.number}: {reason} [{outcome.how}]", flush=True)
    print(table(counts))
    print(f"Sentences of Snakemake's own about files of configuration that it cannot load: {by_snakemake}")
    return int(any(found[TRACEBACK] or found[WRONG] for found in counts.values()))


if __name__ == "__main__":
    sys.exit(main())
