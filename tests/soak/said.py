"""What Snakemake and the trainings have said in a terminal: which jobs were finished, which epochs were trained."""

import re

_JOB = re.compile(r"^(?:local)?rule (\w+):\n((?:    .+\n)+)", flags=re.M)
_FINISHED = re.compile(r"^Finished jobid: (\d+) ", flags=re.M)
_TRAINING = re.compile(r"^(?:local)?rule train_(\w+):$|^[\d:]+ epoch (\d+): step", flags=re.M)


def finished_jobs(said: str) -> list[str]:
    """Return the rule's log of every finished job, which names it among all runs; targets, without a log, left out."""
    logs = {}
    for _, body in _JOB.findall(said):
        lines = dict(line.strip().split(": ", 1) for line in body.splitlines() if ": " in line)
        logs[lines["jobid"]] = lines.get("log", "")
    return [log for job in _FINISHED.findall(said) if (log := logs.get(job, "").split(" ")[0])]


def trained_epochs(said: str) -> dict[str, tuple[int, int]]:
    """Return stage -> the first and the last epoch that was finished; only one training may run at a time."""
    epochs: dict[str, tuple[int, int]] = {}
    stage = ""
    for rule, number in _TRAINING.findall(said):
        if rule:
            stage = rule
        else:
            epochs[stage] = (epochs.get(stage, (int(number), 0))[0], int(number))
    return epochs


def lost_epochs(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> dict[str, int]:
    """Return stage -> the finished epochs that were trained again, from `trained_epochs` of two runs in a row.

    The last one may be: it is told before the state is kept.
    """
    return {
        stage: before[stage][1] - first for stage, (first, _) in after.items() if before.get(stage, (0, 0))[1] > first
    }
