"""Snakemake started so that it can be stopped at any moment with everything that it has started."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

_SCRIPT_OF_RULE = re.compile(r"\.snakemake/scripts/tmp\w+\.(\w+)\.py")


def command(*arguments: str) -> list[str]:
    """Return the command that calls Snakemake with `arguments`."""
    return [sys.executable, "-m", "snakemake", *arguments]


def start(arguments: Sequence[str], *, folder: Path, log: Path) -> subprocess.Popen:
    """Start Snakemake in `folder` as the leader of its own session; what it says is added to `log`."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with log.open("ab") as file:
        return subprocess.Popen(
            command(*arguments),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PATH": path},
        )


def family(process: subprocess.Popen) -> list[psutil.Process]:
    """Return a running process and all its descendants."""
    try:
        leader = psutil.Process(process.pid)
        return [leader, *leader.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def running_rules(processes: Sequence[psutil.Process]) -> list[str]:
    """Return the rules whose scripts are among `processes`, sorted; a rule with two jobs twice, their workers not."""
    scripts = set()
    for process in processes:
        try:
            scripts |= {found[0] for part in process.cmdline() if (found := _SCRIPT_OF_RULE.search(part))}
        except psutil.NoSuchProcess:
            continue
    return sorted(_SCRIPT_OF_RULE.search(script)[1] for script in scripts)


def stop(process: subprocess.Popen, number: signal.Signals, *, seconds: float) -> list[str]:
    """Send a signal to a process started by `start` and to all that it has started, and wait until they are gone.

    Returns the rules that were running. Raises TimeoutError if anything lives on after `seconds`; then it is killed.
    """
    processes = family(process)
    rules = running_rules(processes)
    _send(processes, number, group=process.pid)
    alive = _alive_after(seconds, process, processes)
    if alive:
        _send(alive, signal.SIGKILL, group=process.pid)
        _alive_after(seconds, process, alive)
        raise TimeoutError(f"{seconds} s after {number.name}, {len(alive)} processes lived on, such as {alive[0]}")
    return rules


def _send(processes: Sequence[psutil.Process], number: signal.Signals, *, group: int) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        pass  # it has just ended
    for process in processes:
        if process.is_running() and _group(process) != group:  # it has left the group
            process.send_signal(number)


def _alive_after(seconds: float, leader: subprocess.Popen, processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Wait for at most `seconds` until all have ended, and return those that have not."""
    end = time.monotonic() + seconds
    while alive := [process for process in processes if not _is_dead(process)]:
        if time.monotonic() > end:
            break
        time.sleep(0.02)
    leader.poll()
    return alive


def _is_dead(process: psutil.Process) -> bool:
    """Return whether a process has ended, even if nobody has asked for its exit status yet."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _group(process: psutil.Process) -> int:
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return 0
