"""Keeping two jobs of one machine from the same GPU."""

import fcntl
import os
import random
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from mdc.runtime.errors import InputError
from mdc.runtime.logs import logger
from mdc.runtime.processes import SHARED_GPUS

SECONDS_BETWEEN_MESSAGES = 60.0


def visible_gpus() -> list[str]:
    """Return the names of the GPUs that this process may use; their places in the list are PyTorch's numbers."""
    names = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    count = torch.cuda.device_count()
    return names[:count] or [str(number) for number in range(count)]


def lock_folder() -> Path:
    """Return where the jobs of this user on this machine mark the GPUs that they have.

    A cluster's scheduler may call the card of every job 0, so there each of its jobs has a folder of its own.
    """
    job = os.environ.get("SLURM_JOB_ID", "")
    # not TMPDIR, which may differ between them
    return Path("/tmp") / "-".join(filter(None, ["mdc-gpus", str(os.getuid()), job]))


def claim_gpus(count: int, *, names: Sequence[str] | None = None, folder: Path | None = None) -> list[int]:
    """Return the numbers of `count` GPUs that no other job has, and keep them until this process ends.

    Waits while other jobs have them. A lock per card lies in `folder` (`lock_folder`); the kernel frees it whatever way
    the process ends. Processes that a training has started (`SHARED_GPUS`) get the cards of that training.

    Args:
        names: of the GPUs; by default `visible_gpus`.

    Raises:
        InputError: there are fewer.
    """
    if SHARED_GPUS in os.environ:
        return [int(number) for number in os.environ[SHARED_GPUS].split(",")]
    names = visible_gpus() if names is None else names
    folder = lock_folder() if folder is None else folder
    if count > len(names):
        raise InputError(
            f"the rule was given gpu={count}, but PyTorch finds {len(names)}: give it fewer, "
            f"--set-resources RULE:gpu={max(len(names), 1)}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    told = -SECONDS_BETWEEN_MESSAGES
    while len(claimed := _free_locks(count, names, folder)) < count:
        for file in claimed.values():  # two jobs that wait for each other's half would wait for ever
            os.close(file)
        if time.monotonic() - told >= SECONDS_BETWEEN_MESSAGES:
            told = time.monotonic()
            logger.info("waiting for %d of %d GPUs: other jobs have them", count, len(names))
        time.sleep(random.uniform(0.2, 1.0))
    return list(claimed)


def _free_locks(count: int, names: Sequence[str], folder: Path) -> dict[int, int]:
    """Return up to `count` GPUs that could be locked: number -> descriptor, which holds the lock while it is open."""
    claimed = {}
    for number, name in enumerate(names):
        if len(claimed) == count:
            break
        file = os.open(folder / name.replace("/", "_"), os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
        else:
            claimed[number] = file
    return claimed
