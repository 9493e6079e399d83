"""Snakemake started so that it can be stopped at any moment with everything that it has started."""

import os
import re
import signal
import subprocess
import sys
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

    Returns the rules that were running. Raises TimeoutError if anything lives on after `seconds`.
    """
    processes = family(process)
    rules = running_rules(processes)
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass  # it has just ended
    for member in processes:  # those that have left the group
        if member.is_running() and _group(member) != process.pid:
            member.send_signal(number)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"Snakemake lives on {seconds} s after {number.name}") from error
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    alive = [member for member in alive if not _is_dead(member)]
    if alive:
        raise TimeoutError(f"{len(alive)} processes live on {seconds} s after {number.name}: {alive[0]}")
    return rules


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
