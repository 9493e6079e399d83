"""When a SLURM may be started here: not over one that is set up, but over what a killed test has left."""

import os
import subprocess

import pytest

from . import loopback


@pytest.fixture
def conf(tmp_path, monkeypatch):
    """The path of SLURM's configuration, in a folder that stands for /etc/slurm, for root with all programs."""
    monkeypatch.setattr(loopback.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(loopback.os, "geteuid", lambda: 0)
    (tmp_path / "etc").mkdir()
    return tmp_path / "etc" / "slurm.conf"


def link_to_a_test(conf, pid: int) -> None:
    """Let `conf` be a link to the configuration of a SLURM that a test with this process id has started."""
    folder = conf.parents[1] / "mdc-loopback-slurm"
    folder.mkdir()
    (folder / "owner.pid").write_text(f"{pid}\n")
    (folder / "slurm.conf").touch()
    conf.symlink_to(folder / "slurm.conf")


def test_nothing_speaks_against_it_where_no_slurm_is_set_up(conf):
    assert loopback.why_not(conf.parent) == ""


def test_a_slurm_of_others_is_left_alone(conf):
    conf.touch()
    assert loopback.why_not(conf.parent) == f"{conf} belongs to a SLURM that is set up here"


def test_a_slurm_of_another_test_that_runs_is_left_alone(conf):
    link_to_a_test(conf, os.getpid())
    assert loopback.why_not(conf.parent) == f"{conf} belongs to a SLURM that is set up here"


def test_what_a_killed_test_has_left_does_not_count(conf):
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    link_to_a_test(conf, ended.pid)
    assert loopback.why_not(conf.parent) == ""


def test_nor_does_what_is_left_when_its_folder_is_gone(conf):
    conf.symlink_to(conf.parent / "mdc-loopback-slurm" / "slurm.conf")
    assert loopback.why_not(conf.parent) == ""


def test_a_link_to_a_configuration_elsewhere_is_left_alone(conf):
    conf.symlink_to(conf.parent / "shared" / "slurm.conf")
    assert loopback.why_not(conf.parent) == f"{conf} belongs to a SLURM that is set up here"


def test_missing_programs_are_named_with_their_packages(conf, monkeypatch):
    monkeypatch.setattr(loopback.shutil, "which", lambda name: None if name.startswith("slurm") else name)
    reason = loopback.why_not(conf.parent)
    assert reason == "slurmctld, slurmd not installed: apt-get install slurm-wlm munge"


def test_only_root_can_start_it(conf, monkeypatch):
    monkeypatch.setattr(loopback.os, "geteuid", lambda: 1000)
    assert loopback.why_not(conf.parent) == "SLURM's daemons want to be started by root"
