"""When a SLURM may be started here: not over one that is set up, but over what a killed test has left."""

import os
import subprocess

import pytest

from . import loopback


@pytest.mark.parametrize("left_by", ["nobody", "another SLURM", "a test that runs", "a killed test", "a removed test"])
def test_a_slurm_of_others_is_left_alone_and_what_a_killed_test_has_left_does_not_count(tmp_path, monkeypatch, left_by):
    monkeypatch.setattr(loopback.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(loopback.os, "geteuid", lambda: 0)
    (tmp_path / "etc").mkdir()
    conf, folder = tmp_path / "etc/slurm.conf", tmp_path / "mdc-loopback-slurm"
    if left_by == "another SLURM":
        conf.touch()
    elif left_by != "nobody":
        conf.symlink_to(folder / "slurm.conf")
    if left_by in ("a test that runs", "a killed test"):
        with subprocess.Popen(["true"]) as ended:
            ended.wait()
        folder.mkdir()
        (folder / "owner.pid").write_text(str(os.getpid() if left_by == "a test that runs" else ended.pid))
        (folder / "slurm.conf").touch()
    is_in_use = left_by in ("another SLURM", "a test that runs")
    assert loopback.why_not(conf.parent) == (f"{conf} belongs to a SLURM that is set up here" if is_in_use else "")
