"""Failures from outside a training, as sentences."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException

from mdc.runtime.disk import disk_faults_named, is_disk_fault
from mdc.runtime.errors import InputError, StoppedError
from mdc.runtime.memory import memory_faults_named

SMALLER_STEPS = (
    "lower training.batch_size, or raise training.micro_batches, the number of parts in which a batch is computed"
)
OTHER_PROCESS = (
    "another process of this training has ended: see its message above; if there is none, memory most likely ran out: "
    "give the rule more memory (mem_mb) or fewer GPUs, then run the same command again to continue"
)
# Parts of what gloo, NCCL and PyTorch's store say when the other side is gone, and not of a port in use, say.
PEER_ENDED = ("closed by", "likely closed", "reset by peer", "broken pipe", "remote process", "timed out")
WORKER_ENDED = "DataLoader worker (pid"  # "in DataLoader worker process": it raised an error, and the error follows
STOPPED = "the training was stopped from outside: run the same command again to continue it"


@contextmanager
def training_faults_named(trainer: pl.Trainer, folder: Path) -> Iterator[None]:
    """Raise `InputError` where the block, which runs `trainer`, is stopped, lacks memory, or `folder` lacks room.

    On Ctrl-C KeyboardInterrupt reaches the caller, of which Lightning makes its own exit with another status.
    """
    previous = signal.signal(signal.SIGTERM, lambda *_: _stop_unless_lightning_does(trainer))
    previous_hook, threading.excepthook = threading.excepthook, _without_disk_faults(threading.excepthook)
    try:
        with disk_faults_named(folder), memory_faults_named(SMALLER_STEPS):
            yield
    except SIGTERMException as error:
        raise InputError(STOPPED) from error
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise
    except InputError as error:
        raise InputError(_without_traceback(str(error))) from error
    except RuntimeError as error:
        if trainer.world_size > 1 and _is_of_other_process(error):
            raise InputError(OTHER_PROCESS) from error
        if WORKER_ENDED not in str(error):
            raise
        raise InputError(_of_killed_worker(f"{error} {error.__cause__}")) from error
    finally:
        signal.signal(signal.SIGTERM, previous)
        threading.excepthook = previous_hook


def _is_of_other_process(error: RuntimeError) -> bool:
    """Return whether an error says that another process of the same training no longer answers."""
    said = str(error).lower()
    between_processes = isinstance(error, torch.distributed.DistError) or "gloo/transport/" in said
    return between_processes and any(sign in said for sign in PEER_ENDED)


def _stop_unless_lightning_does(trainer: pl.Trainer) -> None:
    # Lightning calls the handler that it finds after its own, which ends the training when the step is done.
    if not trainer.received_sigterm:
        raise StoppedError


def _without_disk_faults(show: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a hook for threads' exceptions that leaves out what TensorBoard's thread also raises in the main one."""
    return lambda details: None if is_disk_fault(details.exc_value) else show(details)


def _without_traceback(text: str) -> str:
    """Return the sentence in what PyTorch makes of an `InputError` that is raised in a worker process of a loader."""
    return text.rpartition(f"{InputError.__module__}.{InputError.__qualname__}: ")[2].rstrip()


def _of_killed_worker(text: str) -> str:
    """Return why a worker process of a loader ended, given PyTorch's words, which name the signal."""
    if "Terminated" in text:  # a scheduler's signal reaches all processes, and the workers may be the first to end
        return STOPPED
    if "shared memory" in text:
        return "the processes that read images need more shared memory: enlarge /dev/shm or give the rule fewer threads"
    return (
        "a process that reads images was killed, most likely because memory ran out: give the rule fewer threads or "
        "more memory and run the same command again"
    )
