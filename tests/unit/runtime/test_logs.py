"""What a rule's log says, and how a run ends."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import mdc
from mdc.runtime.progress import Meter


def run(log, body: str) -> subprocess.CompletedProcess:
    """Run `body` as a rule's script does, in a process of its own: logging is set up once per process."""
    text = f"""
import logging, warnings
from mdc.runtime.errors import InputError, listing
from mdc.runtime.jobs import run_logged

def main():
    {body}

run_logged({str(log)!r}, main)
"""
    settings = os.environ | {"PYTHONPATH": str(Path(mdc.__file__).parents[1])}
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, env=settings)


def test_an_input_error_ends_with_its_sentence_and_status_1(tmp_path):
    done = run(tmp_path / "log", 'raise InputError(listing("two things are wrong:", ["a: this", "b: that"]))')
    text = (tmp_path / "log").read_text()
    assert done.returncode == 1
    assert text.endswith("two things are wrong:\n  a: this\n  b: that\n") and "Traceback" not in text
    assert done.stderr == text  # the terminal shows the same


def test_any_other_exception_is_a_defect_with_its_traceback_and_status_1(tmp_path):
    done = run(tmp_path / "log", "1 / 0")
    text = (tmp_path / "log").read_text()
    assert done.returncode == 1
    assert "internal error, please report it" in text and "Traceback" in text
    assert text.endswith("ZeroDivisionError: division by zero\n")


def test_the_time_left_leaves_out_the_steps_of_an_earlier_run(caplog, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("mdc.runtime.progress.time.monotonic", lambda: now[0])
    meter = Meter(total=10, label="steps")
    meter.begin_at(4)
    with caplog.at_level(logging.INFO, logger="mdc"):
        now[0] += 10
        meter.step()  # within 15 s: no line
        now[0] += 10
        meter.step("loss 0.5")  # 2 steps took 20 s, 4 are left
    assert caplog.messages == ["steps: 6 of 10, about 40 s left, loss 0.5"]
