"""Runs mutants in processes of their own, with limits of time and memory: a mutant may crash or hang what reads it."""

import importlib
import multiprocessing
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

RIGHT, SENTENCE, LEFT_OUT, TRACEBACK, WRONG = OUTCOMES = ("right", "sentence", "left out", "traceback", "wrong")
MEMORY_BYTES = 3 << 30  # beyond what the libraries take
SECONDS = 60
LONGEST_LINE = 1100  # characters of a sentence
MUTANTS_PER_PROCESS = 500  # then a new one: what one mutant leaves behind must not spoil many


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: one of `OUTCOMES`, and the sentence, the traceback or what is wrong."""

    kind: str
    number: int
    outcome: str
    text: str
    how: str = ""


class _Worker:
    def __init__(self, context, *, seed: int, failures: Path) -> None:
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, seed, failures))
        self.process.start()
        theirs.close()
        self.job: tuple[str, int] | None = None
        self.since, self.done = time.monotonic(), 0

    def give(self, job: tuple[str, int]) -> None:
        self.job, self.since = job, time.monotonic()
        self.pipe.send(job)

    def result(self) -> Outcome:
        try:
            outcome = self.pipe.recv()
        except EOFError:
            self.process.join()
            return Outcome(*self.job, TRACEBACK, f"the process died: exit code {self.process.exitcode}")
        if isinstance(outcome, str):
            raise RuntimeError(f"mutant {self.job} could not be made: {outcome}")
        self.done += 1
        return outcome

    def is_late(self) -> bool:
        return self.job is not None and time.monotonic() - self.since > SECONDS

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def outcomes(jobs: Sequence[tuple[str, int]], *, seed: int, failures: Path, processes: int) -> Iterator[Outcome]:
    """Yield the outcome of every (kind, number), as they come; mutants that fail are kept in `failures`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.fuzz.kinds"])
    waiting = list(reversed(jobs))
    workers = [_Worker(context, seed=seed, failures=failures) for _ in range(min(processes, len(jobs)))]
    try:
        while True:
            for worker in workers:
                if worker.job is None and waiting:
                    worker.give(waiting.pop())
            busy = [worker for worker in workers if worker.job is not None]
            if not busy:
                return
            ready = wait([worker.pipe for worker in busy], timeout=1)
            for place, worker in enumerate(workers):
                if worker.pipe in ready:
                    outcome = worker.result()
                elif worker.is_late():
                    outcome = Outcome(*worker.job, TRACEBACK, f"hangs: stopped after {SECONDS} s")
                else:
                    continue
                worker.job = None
                if not worker.process.is_alive() or "hangs" in outcome.text or worker.done >= MUTANTS_PER_PROCESS:
                    worker.end()
                    workers[place] = _Worker(context, seed=seed, failures=failures)
                yield outcome
    finally:
        for worker in workers:
            worker.end()


def _work(pipe: Connection, seed: int, failures: Path) -> None:
    """Take jobs and send outcomes until the pipe ends."""
    kinds = importlib.import_module("tests.fuzz.kinds")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    with open("worker.log", "ab") as log:  # libraries in C complain of every mutant on the terminal
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    soft = _data_bytes() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (soft, soft))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while True:
        try:
            kind, number = pipe.recv()
        except EOFError:
            return
        try:
            mutant = kinds.mutant(kind, number, seed=seed)
        except Exception:
            pipe.send(traceback.format_exc())
        else:
            pipe.send(_outcome(kinds, kind, number, mutant, failures=failures))


def _data_bytes() -> int:
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmData"].split()[0]) << 10


def _outcome(kinds, name: str, number: int, mutant, *, failures: Path) -> Outcome:
    from mdc.runtime.errors import InputError

    kind = kinds.KINDS[name]
    if kind.left_out(mutant.data):
        return Outcome(name, number, LEFT_OUT, "", mutant.how)
    kept = failures / f"{name}-{number}{kind.suffix}"
    kept.write_bytes(mutant.data)  # before: the mutant may end this process
    folder = Path(tempfile.mkdtemp(dir=".", prefix="mutant-"))
    try:
        found = kind.consume(mutant.data, folder)
    except (InputError, *kinds.SENTENCES) as error:
        outcome, text = SENTENCE, str(error)
        longest = max(map(len, text.split("\n")))
        if not re.search(kind.names, text) or "Traceback" in text or longest > LONGEST_LINE:
            outcome, text = TRACEBACK, f"no clear sentence: {text[:LONGEST_LINE]}"
    except BaseException:
        outcome, text = TRACEBACK, traceback.format_exc()
    else:
        try:
            text = kind.judge(mutant, found)
        except Exception:
            text = f"accepted, but the independent reader fails: {traceback.format_exc()}"
        outcome = WRONG if text else RIGHT
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if kinds.has_run_code():
        outcome, text = WRONG, "code of the file was run"
    if outcome in (RIGHT, SENTENCE):
        kept.unlink()
    else:
        kept.with_suffix(".txt").write_text(f"{mutant.how} of {mutant.original}\n{outcome}: {text}\n")
    return Outcome(name, number, outcome, text, mutant.how)
