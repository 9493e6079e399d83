"""The process pool: order, failures, killed workers, and a parent whose OpenCV threads run."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

import mdc
from mdc.runtime.errors import InputError
from mdc.runtime.parallel import apart, map_in_order


def double(item: int) -> int:
    return 2 * item


def refuse_three(item: int) -> int:
    if item == 3:
        raise InputError("three: cannot be read")
    return item


def process_id(_: int) -> int:
    return os.getpid()


def kill_itself_at_three(item: int) -> int:
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def opencv_threads(_: int) -> int:
    return cv2.getNumThreads()


def blurred_mean(seed: int) -> float:
    image = np.random.default_rng(seed).integers(0, 256, (300, 300, 3), np.uint8)
    return float(cv2.resize(cv2.GaussianBlur(image, (9, 9), 3), (600, 600)).mean())


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_items(processes):
    found = list(map_in_order(double, range(50), processes=processes, label="test"))
    assert found == list(range(0, 100, 2))


def test_a_killed_worker_is_an_input_error_that_says_what_to_do():
    with pytest.raises(InputError, match="a worker process was killed.* fewer threads or more memory"):
        list(map_in_order(kill_itself_at_three, range(100), processes=2, label="test"))


def test_items_are_taken_only_a_few_ahead_of_the_results():
    taken = []

    def items():
        for item in range(1000):
            taken.append(item)
            yield item

    results = map_in_order(double, items(), processes=2, label="test", total=1000)
    assert next(results) == 0
    assert len(taken) <= 2 * 8
    results.close()


def test_a_parent_whose_opencv_threads_run_does_not_hang():
    threads = cv2.getNumThreads()
    cv2.setNumThreads(4)
    expected = [blurred_mean(seed) for seed in range(4)]  # starts OpenCV's threads in this process
    found: list[float] = []
    work = threading.Thread(
        target=lambda: found.extend(map_in_order(blurred_mean, range(4), processes=2, label="test")), daemon=True
    )
    work.start()
    work.join(timeout=60)
    assert found == expected
    assert cv2.getNumThreads() == 4  # as before
    assert set(map_in_order(opencv_threads, range(4), processes=2, label="test")) == {1}
    cv2.setNumThreads(threads)


def test_what_is_done_apart_may_crash_and_exceptions_reach_the_caller():
    assert apart(double, 21) == 42
    assert apart(process_id, 0) != os.getpid()
    with pytest.raises(InputError, match="three: cannot be read"):
        apart(refuse_three, 3)
    with pytest.raises(ChildProcessError, match="reading it crashed"):
        apart(kill_itself_at_three, 3)
    assert apart(kill_itself_at_three, 4) == 4
    found = map_in_order(refuse_three, range(10), processes=2, label="test")
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(InputError, match="three: cannot be read"):
        next(found)


SCRIPT = """
import logging, multiprocessing, os, signal, sys
import cv2, torch
from torch.utils.data import DataLoader, Dataset
from mdc.runtime.parallel import apart, forking, loader_workers, map_in_order

multiprocessing.set_start_method(sys.argv[1], force=True)
logging.basicConfig(filename=sys.argv[2], level=logging.INFO)
logging.info("once")  # a script of a rule works when it is imported
cv2.setNumThreads(4)
torch.set_num_threads(4)
signal.signal(signal.SIGTERM, lambda *_: None)
parent = os.getpid()

def seen(item):
    logging.info("worker")
    at_sigterm = signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    return os.getppid() == parent, cv2.getNumThreads(), torch.get_num_threads(), at_sigterm

class Seen(Dataset):
    def __len__(self): return 1
    def __getitem__(self, index): return seen(index)[:3]

print(set(map_in_order(seen, range(4), processes=2, label="test")), apart(seen, 0))
with forking():
    print(*map(tuple, DataLoader(Seen(), batch_size=None, **loader_workers(1))))
print(cv2.getNumThreads(), torch.get_num_threads())
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])  # fork, the default here, is what all other tests use
def test_workers_are_the_same_whatever_pythons_start_method(tmp_path, method):
    script, log = tmp_path / "script.py", tmp_path / "log"
    script.write_text(SCRIPT)
    found = subprocess.run(
        [sys.executable, script, method, log],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"PYTHONPATH": str(Path(mdc.__file__).parents[1])},
    )
    worker = "(True, 1, 1, True)"
    assert found.stdout == f"{{{worker}}} {worker}\n(True, 1, 1)\n4 4\n", found.stderr
    assert log.read_text().count("once") == 1 and log.read_text().count("worker") == 6


def test_numpy_has_no_threads_of_its_own_in_a_job():
    code = "import sys, mdc.runtime.jobs; assert 'numpy' not in sys.modules; import numpy; "
    code += "print(open('/proc/self/status').read())"
    environment = os.environ | {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}  # as Snakemake sets them
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert "Threads:\t1\n" in done.stdout
