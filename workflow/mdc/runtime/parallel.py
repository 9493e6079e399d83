"""Worker processes: one pool for the stages that treat images one by one on the CPU, and those of PyTorch's loaders."""

import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import cv2

from mdc.runtime.errors import InputError
from mdc.runtime.processes import end_with_parent
from mdc.runtime.progress import progress

T = TypeVar("T")
R = TypeVar("R")
WAITING_PER_PROCESS = 8
# Python's own choice depends on its version. Any other method imports the main module again, which would run the job
# once more: a rule's script does its work when it is imported. Forking also starts in milliseconds.
START_METHOD = "fork"
_FORK = multiprocessing.get_context(START_METHOD)


@contextmanager
def forking() -> Iterator[None]:
    """Give OpenCV one thread while the block forks workers, which have one each then.

    This cannot be done in a worker: OpenCV's running threads are not forked, so waiting for them hangs, and ending them
    crashes.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def begin_worker(*_: object) -> None:
    """Begin a worker process: it is killed when its parent ends, else it would keep its memory and its locks.

    The arguments are ignored: this is also the `worker_init_fn` of PyTorch's loaders.
    """
    end_with_parent(signal.SIGKILL)
    if not multiprocessing.parent_process().is_alive():  # it ended before the kernel knew
        os._exit(1)


def loader_workers(workers: int) -> dict[str, Any]:
    """Return the arguments of PyTorch's `DataLoader` for `workers` processes, none for 0; iterate within `forking`."""
    return {
        "num_workers": workers,
        "multiprocessing_context": START_METHOD if workers else None,
        "worker_init_fn": begin_worker,
    }


def _begin_pool_worker() -> None:
    begin_worker()
    if "torch" in sys.modules:  # PyTorch does so in the workers of its loaders
        sys.modules["torch"].set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all processes, and the parent decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # not the handler of `run_logged`, which was inherited


def _results(function: Callable[[T], R], items: Iterable[T], processes: int) -> Iterator[R]:
    if processes == 1:
        yield from map(function, items)
        return
    with forking(), ProcessPoolExecutor(processes, mp_context=_FORK, initializer=_begin_pool_worker) as pool:
        waiting: deque = deque()  # a bounded queue: results of a million images must not pile up in memory
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= processes * WAITING_PER_PROCESS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise InputError(
                "a worker process was killed, most likely because memory ran out: "
                "give the rule fewer threads or more memory and run the same command again"
            ) from error
        except Exception:
            raise
        except BaseException:  # stopped: the workers must not go on with what they have
            for worker in multiprocessing.active_children():
                worker.kill()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def apart(function: Callable[[T], R], item: T) -> R:
    """Return `function(item)`, computed by a process of its own: for libraries in C that crash on what they read.

    Raises `ChildProcessError` when that process dies, and any exception of `function`.
    """
    answers, answer = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_answer, args=(function, item, answer))
    with forking():
        process.start()
    answer.close()
    try:
        result, error = answers.recv()
    except EOFError:
        result, error = None, ChildProcessError("reading it crashed")
    finally:
        answers.close()
        process.join()
    if error is not None:
        raise error
    return result


def _answer(function: Callable[[T], R], item: T, answer: Connection) -> None:
    _begin_pool_worker()
    try:
        result, error = function(item), None
    except Exception as raised:
        result, error = None, raised
    answer.send((result, error))


def map_in_order(
    function: Callable[[T], R], items: Iterable[T], *, processes: int, label: str, total: int | None = None
) -> Iterator[R]:
    """Yield `function(item)` for every item, in the order of `items`, computed by `processes` processes.

    `function` and the items must be picklable. Shows progress under `label`; `total` is the number of items where
    these have no length. Items are taken only a few ahead of the results.
    Raises `InputError` when a worker is killed from outside, and `function`'s exceptions. When the caller is stopped
    (Ctrl-C, SIGTERM) or does not take all results, the workers are killed; files half written keep temporary names.
    """
    return progress(_results(function, items, processes), total=len(items) if total is None else total, label=label)
