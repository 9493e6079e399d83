"""Imports go one way: the contract of pyproject.toml is kept, and would notice if it were not."""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[3]
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def linted(project: Path) -> subprocess.CompletedProcess:
    """Check the contract of a project, in a process of its own as the linter sets up logging for itself."""
    return subprocess.run(
        [sys.executable, "-B", "-c", LINT, "pyproject.toml", "--no-cache", "--no-logo"],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(project / "workflow")},
        capture_output=True,
        text=True,
    )


def test_a_stage_imports_only_what_stands_below_it():
    done = linted(PROJECT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Contracts: 1 kept, 0 broken." in done.stdout
