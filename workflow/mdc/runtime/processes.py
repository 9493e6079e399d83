"""Processes that a job starts: they do not outlive it, and those that share a training know their number."""

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1  # of <sys/prctl.h>
SHARED_GPUS = "MDC_GPUS"  # set for the processes that a training starts: the numbers of its GPUs
# By these, Lightning numbers the processes that it starts, and tells them where to meet.
RANKS = ("LOCAL_RANK", "RANK", "NODE_RANK", "GROUP_RANK", "MASTER_ADDR", "MASTER_PORT")


def rank_in_training() -> int:
    """Return this process's number among those that share a training; 0 for the first one, as for every other job.

    Only a process that a training has started has another number: `LOCAL_RANK` alone may be of the user's shell.
    """
    return int(os.environ.get("LOCAL_RANK", "0")) if SHARED_GPUS in os.environ else 0


def forget_foreign_ranks() -> None:
    """Remove from the environment what it says of another training, such as of a shell that torchrun has started.

    Lightning would take this process for one that is not the first, and not start the others.
    """
    if SHARED_GPUS not in os.environ:
        for name in RANKS:
            os.environ.pop(name, None)


def end_with_parent(number: signal.Signals) -> None:
    """Have the kernel send this process a signal when its parent ends, for any reason."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number)
