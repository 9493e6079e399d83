"""A copy of the project in a temporary folder, with a small finished run, and a way to call Snakemake in it."""

import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

PROJECT = Path(__file__).parents[2]
PARTS = ("Snakefile", "workflow", "config", "profiles", "envs", "results/README.md")
RULES_SIDE_BY_SIDE = (
    "compute_saliency measure_maps dump_cams fuse_masks fuse_salient_masks sweep_threshold estimate_certainty "
    "train_classifier train_segmenter predict_scores apply_crf score_masks"
).split()
ONE_THREAD_EACH = [f"{rule}=1" for rule in RULES_SIDE_BY_SIDE]


@dataclass(frozen=True)
class Project:
    """A folder with a copy of the workflow."""

    folder: Path

    def snakemake(self, *arguments: str, overlays: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
        """Call Snakemake in the folder, on two cores; nothing is asserted of how it ends."""
        command = [sys.executable, "-m", "snakemake", *arguments, "--cores", "2"]
        if overlays:
            command += ["--configfile", *overlays]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, env={**os.environ, "PATH": path}, timeout=1800
        )

    def planned(self, *arguments: str, overlays: tuple[str, ...]) -> set[str]:
        """Return the rules that a dry run would run, without `all`."""
        result = self.snakemake("--dry-run", *arguments, overlays=overlays)
        assert result.returncode == 0, result.stdout + result.stderr
        return set(re.findall(r"^(?:local)?rule (\w+):$", result.stdout + result.stderr, flags=re.M)) - {"all"}


TINY = ("config/demo.yaml", "tiny.yaml")


def copy_project(folder: Path) -> Project:
    """Copy what the workflow consists of into `folder`."""
    for part in PARTS:
        source = PROJECT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            (folder / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / part)
    shutil.copy(Path(__file__).with_name("tiny.yaml"), folder / "tiny.yaml")
    return Project(folder)


@contextmanager
def changed(path: Path, old: str, new: str) -> Iterator[None]:
    """Replace `old` by `new` in a file, and put the file back as it was, with its time, afterwards."""
    before, times = path.read_text(), path.stat()
    assert before.count(old) >= 1, f"{old!r} is not in {path}"
    path.write_text(before.replace(old, new, 1))
    try:
        yield
    finally:
        path.write_text(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.fixture(scope="session")
def project(tmp_path_factory) -> Project:
    """A copy of the project without results."""
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory) -> Project:
    """A copy of the project with the finished run `tiny`."""
    project = copy_project(tmp_path_factory.mktemp("tiny"))
    result = project.snakemake("--set-threads", *ONE_THREAD_EACH, overlays=TINY)
    assert result.returncode == 0, result.stdout + result.stderr
    return project


@pytest.fixture(scope="session")
def tiny_report(tiny_run) -> Path:
    """The report of the run `tiny`, in the run's folder."""
    result = tiny_run.snakemake("--report", "results/tiny/report.html", overlays=TINY)
    assert result.returncode == 0, result.stdout + result.stderr
    return tiny_run.folder / "results/tiny/report.html"


@pytest.fixture(scope="session")
def browser() -> Iterator[webdriver.Chrome]:
    """Headless Chromium; tests that need it are skipped without it."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        reason = "NO BROWSER, SO NO PAGE WAS LOOKED AT: apt-get install chromium chromium-driver"
        warnings.warn(reason, stacklevel=1)
        pytest.skip(reason)
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--disable-dev-shm-usage", "--disable-gpu", "--window-size=1500,600"):
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium refuses to start as root with it
    with pytest.MonkeyPatch.context() as patch:
        for name in ("no_proxy", "NO_PROXY"):
            patch.setenv(name, "127.0.0.1,localhost")  # the driver listens here, not behind a proxy
        opened = webdriver.Chrome(options=options, service=Service(driver))
        yield opened
        opened.quit()
