"""Processes that do not outlive the one that started them."""

import ctypes
import multiprocessing
import os
import signal

PR_SET_PDEATHSIG = 1  # of <sys/prctl.h>


def end_with_parent(number: signal.Signals) -> None:
    """Have the kernel send this process a signal when the one that started it ends, in whatever way."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number)


def begin_worker(*_: object) -> None:
    """Begin a worker process: it is killed when its parent ends, else it would keep its memory and its locks.

    The arguments are ignored: this is also the `worker_init_fn` of PyTorch's loaders.
    """
    end_with_parent(signal.SIGKILL)
    if not multiprocessing.parent_process().is_alive():  # it ended before the kernel knew
        os._exit(1)
