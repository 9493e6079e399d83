"""Jobs that are stopped, killed or started twice, as processes of their own: what they say, and what they leave."""

import errno
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import mdc
from mdc.runtime import locks
from mdc.runtime.errors import InputError
from mdc.runtime.files import write_whole
from mdc.runtime.locks import locked
from mdc.runtime.memory import memory_faults_named, ran_out
from tests.disks import mounted, small_disk

HEAD = r"""
import os, signal, sys, time
from pathlib import Path
import numpy as np
from mdc.runtime.errors import InputError
from mdc.runtime.files import written_whole
from mdc.runtime.jobs import run_logged
from mdc.runtime.logs import logger
from mdc.runtime.parallel import map_in_order

signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a terminal; what is in the background ignores it

def ready(what):
    os.write(1, f"{what}\n".encode())  # in one piece: workers write to the same pipe

def work(item):
    ready(os.getpid())
    time.sleep(600)

def main():
"""


class Job:
    """A script as a rule runs it, in a process group of its own."""

    def __init__(self, log: Path, body: str, *, folder: Path | None = None) -> None:
        lines = "".join(f"    {line}\n" for line in body.splitlines())
        text = f"{HEAD}{lines}\nrun_logged({str(log)!r}, main)\n"
        self.log = log
        self.process = subprocess.Popen(
            [sys.executable, "-c", text],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder or log.parent,
            env=os.environ | {"PYTHONPATH": str(Path(mdc.__file__).parents[1])},
            start_new_session=True,
        )

    def said(self, lines: int = 1) -> list[str]:
        """Return the next lines of its output."""
        return [self.process.stdout.readline().strip() for _ in range(lines)]

    def end(self, number: int | None = None, *, whole_group: bool = False) -> tuple[int, str]:
        """Send it a signal, if any, and return its exit status and what it said to the terminal."""
        if number is not None:
            (os.killpg if whole_group else os.kill)(self.process.pid, number)
        _, terminal = self.process.communicate(timeout=60)
        return self.process.returncode, terminal


@pytest.fixture
def start(tmp_path):
    """A function that starts a `Job` with the log `tmp_path/log`; what is left of it is killed at the end."""
    jobs = []

    def started(body: str, log: Path = tmp_path / "log") -> Job:
        jobs.append(Job(log, body))
        return jobs[-1]

    yield started
    for job in jobs:
        try:
            os.killpg(job.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        job.process.communicate()


def is_alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def all_end(pids: list[str]) -> bool:
    for _ in range(100):
        if not any(map(is_alive, pids)):
            return True
        time.sleep(0.1)
    return False


def test_a_job_that_runs_is_not_started_a_second_time(start, tmp_path, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")  # of the user's shell: Lightning must not see it, nor must it unlock the job
    first = start("logger.info('one'); ready(os.environ.get('LOCAL_RANK')); time.sleep(600)")
    assert first.said() == ["None"]
    status, terminal = start("Path('second').touch()").end()
    said = f"log: another process, {first.process.pid} on {os.uname().nodename}, is running this job: wait until"
    assert status == 1 and said in terminal and "Traceback" not in terminal
    assert not (tmp_path / "second").exists()
    lines = (tmp_path / "log").read_text().splitlines()  # the first one's is kept, the second one's added
    assert [line[9:] for line in lines][0] == "one" and said in lines[1] and len(lines) == 2
    monkeypatch.setenv("MDC_GPUS", "0,1")  # of a process that a training of this job has started
    assert start("Path('third').touch()").end()[0] == 0 and (tmp_path / "third").exists()
    assert first.end(signal.SIGKILL)[0] == -signal.SIGKILL  # and the kernel frees a killed job
    monkeypatch.delenv("MDC_GPUS")
    assert start("Path('fourth').touch(); logger.info('well')").end()[0] == 0
    assert sorted(os.listdir(tmp_path)) == ["fourth", "log", "third"]
    assert (tmp_path / "log").read_text()[9:] == "well\n"


def test_a_file_system_without_locks_is_no_obstacle(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", no_locks)
    with locked(tmp_path / "a", what="it"), locked(tmp_path / "a", what="it"):
        pass


def test_a_lock_that_was_removed_while_it_was_waited_for_does_not_count(tmp_path, monkeypatch):
    flock, opened = locks.fcntl.flock, []

    def removed_before_the_first_lock(file, how):
        opened.append(file)
        if len(opened) == 1:
            (tmp_path / ".a.lock").unlink()
        flock(file, how)

    monkeypatch.setattr(locks.fcntl, "flock", removed_before_the_first_lock)
    with locked(tmp_path / "a", what="it"):
        assert len(opened) == 2 and opened[0].closed
        with pytest.raises(InputError, match=f"a: another process, {os.getpid()} on .*, is doing it: wait"):
            with locked(tmp_path / "a", what="doing it"):
                pass


WORKERS = "list(map_in_order(work, range(9), processes=2, label='test'))"
LOADER = """
import torch
from torch.utils.data import DataLoader, Dataset
from mdc.runtime.parallel import loader_workers
class Slow(Dataset):
    def __len__(self): return 9
    def __getitem__(self, index): work(index)
list(DataLoader(Slow(), **loader_workers(2)))
"""


@pytest.mark.parametrize("body", [WORKERS, LOADER], ids=["pool", "loader"])
def test_workers_end_with_a_killed_parent_and_keep_no_lock(start, body):
    first = start(body)
    workers = first.said(2)
    assert all(map(is_alive, workers)) and str(first.process.pid) not in workers
    os.kill(first.process.pid, signal.SIGKILL)
    assert all_end(workers)
    assert start("pass").end()[0] == 0


INNER = """
import os, time
from mdc.runtime.jobs import run_logged
run_logged('inner', lambda: (os.write(1, b'go\\n'), time.sleep(600)))
"""


def test_a_job_ends_with_a_killed_snakemake(start, tmp_path):
    # started by a process that is killed, as Snakemake's local jobs are; what it would write, the next one redoes
    job = start(f"""
import subprocess
inner = subprocess.Popen([sys.executable, '-c', {INNER!r}])
ready(inner.pid)
inner.wait()
""")
    said = job.said(2)
    inner = next(line for line in said if line != "go")
    os.kill(job.process.pid, signal.SIGKILL)
    assert all_end([inner])
    assert (tmp_path / "inner").read_text()[9:] == f"{STOPPED}\n"


STOPPED = "stopped from outside: run the same command again to continue"


@pytest.mark.parametrize("whole_group", [False, True])
def test_sigterm_ends_a_job_and_its_workers_with_a_sentence(start, tmp_path, whole_group):
    job = start(WORKERS)
    workers = job.said(2)
    status, terminal = job.end(signal.SIGTERM, whole_group=whole_group)
    assert (status, terminal[9:]) == (1, f"{STOPPED}\n")
    assert (tmp_path / "log").read_text() == terminal
    assert all_end(workers)


HALF_A_PICTURE = """
with written_whole(Path('file')) as temporary:
    temporary.write_text('half')
    ready('go')
    try:
        time.sleep(600)
    except Exception as error:  # as where a photo is read
        raise InputError('the photo is damaged') from error
"""
HALF_THE_SCORES = """
from mdc.networks.grid import Grid
from mdc.predictions.files import Scores, add_scores, create_scores
with create_scores(Path('file'), grid=Grid(8), classes=['a'], weights_hash='', config={}) as writer:
    add_scores(writer, Scores(id='a', scores=np.ones((1, 2, 2)), height=9, width=9))
    ready('go')
    time.sleep(600)
"""


@pytest.mark.parametrize(
    ("wait", "number", "status", "said"),
    [
        (HALF_A_PICTURE, signal.SIGTERM, 1, STOPPED),
        (HALF_THE_SCORES, signal.SIGTERM, 1, STOPPED),
        (HALF_A_PICTURE, signal.SIGINT, 130, "stopped: run the same command again to continue"),
    ],
    ids=["picture", "scores", "Ctrl-C"],
)
def test_a_stopped_job_leaves_no_half_file(start, tmp_path, wait, number, status, said):
    job = start(wait)
    job.said()
    assert job.end(number) == (status, (tmp_path / "log").read_text())
    assert os.listdir(tmp_path) == ["log"] and (tmp_path / "log").read_text()[9:] == f"{said}\n"


def test_a_job_cannot_start_where_its_log_cannot_be_written(start, tmp_path):
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs") as folder:
        status, terminal = start(f"Path({str(tmp_path)!r}, 'done').touch()", folder / "log").end()
    assert status == 1 and terminal.count("\n") == 1 and not (tmp_path / "done").exists()
    assert f"{folder}/log: Read-only file system (" in terminal and "make it writable or work in another" in terminal


def test_work_goes_on_when_the_disk_of_the_log_fills_up(start, tmp_path):
    with small_disk(tmp_path / "disk") as folder:
        job = start(
            f"""
logger.info('before')
try:
    Path('filler').write_bytes(bytes(2_000_000))
except OSError:
    pass
for number in range(200):
    logger.info('%d %s', number, 'x' * 99)
Path({str(tmp_path)!r}, 'done').touch()
""",
            folder / "log",
        )
        status, terminal = job.end()
        assert (folder / "log").read_text()[9:].startswith("before\n")
    assert status == 0 and (tmp_path / "done").exists() and "Traceback" not in terminal
    assert terminal.count(f"{folder}/log: No space left on device (0.0 of 1.0 MB are free in {folder})") == 1
    assert terminal.count("x" * 99) == 200  # nothing is lost on the terminal


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (MemoryError(), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you"), True),
        (OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)), True),
        (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("shapes differ"), False),
        (InputError("out of memory"), False),  # it is a sentence already
    ],
)
def test_what_says_that_memory_ran_out(error, answer):
    assert ran_out(error) is answer
    expected = InputError if answer else type(error)
    with (
        pytest.raises(expected, match="buy more" if answer else re.escape(str(error))),
        memory_faults_named("buy more"),
    ):
        raise error


def test_links_in_the_places_of_temporary_files_are_not_followed(tmp_path):
    victim, path = tmp_path / "victim", tmp_path / "x"
    victim.write_text("mine")
    for name in (".x.tmp", ".x.lock"):
        (tmp_path / name).symlink_to(victim)
    with locked(path, what="writing"):
        write_whole(path, b"new")
    assert victim.read_text() == "mine"
    assert path.read_bytes() == b"new" and not path.is_symlink()
