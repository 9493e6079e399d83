"""Imports go one way: the contract of pyproject.toml is kept, and would notice if it were not."""

import os
import shutil
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


def test_an_import_the_other_way_and_a_package_without_a_layer_are_refused(tmp_path):
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    package = shutil.copytree(PROJECT / "workflow" / "mdc", tmp_path / "workflow" / "mdc")
    (package / "runtime" / "another.py").write_text("from mdc.data.labels import VOID\n")
    done = linted(tmp_path)
    assert done.returncode == 1 and "mdc.runtime is not allowed to import mdc.data" in done.stdout
    (package / "runtime" / "another.py").unlink()
    (package / "another.py").touch()
    done = linted(tmp_path)
    assert done.returncode == 1 and "mdc.another" in done.stdout + done.stderr
