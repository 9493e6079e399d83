"""Count what becomes of mutants; `tests/fuzz/__init__.py` says what is counted as what.

What fails is kept in build/fuzz/seed<seed>/failures, with the reason beside it; `--only KIND:NUMBER` shows one again.
"""

import argparse
import functools
import logging
import os
import resource
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
import zlib
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).parents[2]
sys.path[:0] = [str(PROJECT / "workflow"), str(PROJECT)]
os.environ.update(OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="")

import numpy as np  # noqa: E402
from snakemake.exceptions import WorkflowError  # noqa: E402

from mdc.runtime.errors import InputError  # noqa: E402
from mdc.runtime.parallel import apart, map_in_order  # noqa: E402
from tests.fuzz.formats import SPOILT  # noqa: E402
from tests.fuzz.mutations import BYTES, TEXT, pick  # noqa: E402
from tests.fuzz.originals import make_originals  # noqa: E402
from tests.fuzz.readers import KINDS, intact, judge  # noqa: E402

RIGHT, SENTENCE, TRACEBACK, WRONG = OUTCOMES = ("right result", "clear sentence", "traceback", "wrong result")
MEMORY_BYTES, SECONDS = 3 << 30, 60
LONGEST_LINE = 1100  # characters of a sentence
Job = tuple[str, int]


def mutated(name: str, number: int, seed: int) -> tuple[bytes, str, Path, bool]:
    """Return mutant `number` of a kind, how it was made, of which file, and whether its format's writer has made it."""
    kind = KINDS[name]
    rng = np.random.default_rng([seed, zlib.crc32(name.encode()), number])
    original = Path("originals", pick(rng, kind.originals))
    data, fate = original.read_bytes(), rng.uniform()
    if number < len(kind.originals):
        original = Path("originals", kind.originals[number])
        return original.read_bytes(), "intact", original, True
    if fate < 0.02:
        return b"", "empty", original, False
    if fate < 0.06:
        other = Path("originals", pick(rng, list(KINDS.values())).originals[0])
        return other.read_bytes(), f"swapped for {other}", original, True
    mutator = pick(rng, kind.mutators if kind.mutators and fate < 0.6 else BYTES)
    return mutator(rng, data), mutator.__name__, original, mutator not in (*BYTES, *TEXT)


def outcome(job: Job, *, seed: int) -> tuple[str, str, str]:
    """Return what became of a mutant, why, and how it was made; in a process that may die of it."""
    (name, number), log = job, os.open("worker.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 2)  # libraries in C complain of every mutant
    signal.alarm(SECONDS)
    used = int(next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmData" in line).split()[1])
    resource.setrlimit(resource.RLIMIT_DATA, (1024 * used + MEMORY_BYTES,) * 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
    data, how, original, is_whole = mutated(name, number, seed)
    with tempfile.TemporaryDirectory(dir=".", prefix="mutant-") as folder:
        path = Path(folder, f"mutant{original.suffix}")
        path.write_bytes(data)
        try:
            found = KINDS[name].read(path)
        except (InputError, WorkflowError) as error:
            result, text = SENTENCE, str(error)
            is_clear = any(word in text for word in (path.name, *KINDS[name].names)) and "Traceback" not in text
            if not is_clear or max(map(len, text.split("\n"))) > LONGEST_LINE:
                result, text = TRACEBACK, f"no clear sentence: {text[:LONGEST_LINE]}"
        except Exception:
            result, text = TRACEBACK, traceback.format_exc()
            if "in load_configfile" in text or "in update_config" in text:
                result = SENTENCE  # Snakemake's own, before our code is asked
        else:
            text = judge(name, data, found, is_whole=is_whole)
            result = WRONG if text else RIGHT
    if os.path.exists(SPOILT):
        os.unlink(SPOILT)
        result, text = WRONG, "code of the file was run"
    return result, text, how


def tried(job: Job, *, seed: int) -> tuple[Job, str, str, str]:
    """Return the same with the job, also where the process died; keep what fails."""
    try:
        result, text, how = apart(functools.partial(outcome, seed=seed), job)
    except ChildProcessError:
        result, text, how = TRACEBACK, f"the process died, or took more than {SECONDS} s", "?"
    if result in (TRACEBACK, WRONG):
        data, how, original, _ = mutated(*job, seed)
        kept = Path("failures", f"{job[0]}-{job[1]}{original.suffix}")
        kept.write_bytes(data)
        kept.with_suffix(".txt").write_text(f"{how} of {original}\n{result}: {text}\n")
    return job, result, text, how


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
    folder = PROJECT / "build/fuzz" / ("only" if options.only else f"seed{options.seed}")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "failures").mkdir(parents=True)
    os.chdir(folder)
    logging.disable()
    make_originals(Path("originals"))
    for name in options.kinds:
        if KINDS[name].checked:
            intact(name)  # before the processes are forked
    per_kind = -(-options.mutants // len(options.kinds))
    jobs = [(name, number) for number in range(per_kind) for name in options.kinds]
    if options.only:
        name, number = options.only.split(":")
        jobs = [(name, int(number))]
    counts = {name: Counter() for name in KINDS}
    run = functools.partial(tried, seed=options.seed)
    for (name, number), result, text, how in map_in_order(run, jobs, processes=options.processes, label="mutants"):
        counts[name][result] += 1
        if options.only or result in (TRACEBACK, WRONG):
            print(
                f"{result} {name}:{number}: {text.strip().splitlines()[-1][:160] if text else ''} [{how}]", flush=True
            )
        if how == "intact" and result != RIGHT:
            raise SystemExit(f"{name}: an intact file is not read: {text}")
    print("| kind | mutants |", " | ".join(OUTCOMES), "|\n|---|---:|" + "---:|" * len(OUTCOMES))
    for name, found in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
        print(f"| {name} | {found.total()} |", " | ".join(str(found[result]) for result in OUTCOMES), "|")
    return int(any(found[TRACEBACK] or found[WRONG] for found in counts.values()))


if __name__ == "__main__":
    sys.exit(main())
