"""Trainings that meet a damaged resume file, too little memory, dead workers, a full disk or Ctrl-C."""

import functools
import os
import re
import signal
import types

import lightning.pytorch as pl
import pytest
import torch
from torch.utils.data import DataLoader

from mdc.runtime.errors import InputError, StoppedError
from mdc.runtime.parallel import loader_workers
from mdc.training import engine as training
from mdc.training.faults import training_faults_named as faults_of
from mdc.training.resume import WholeCheckpoints
from tests.disks import small_disk
from tests.unit.training.test_engine import Numbers, Square, same, trained


@pytest.fixture
def unfinished(tmp_path, schedule):
    """A training that broke off in its second epoch: its resume file, what finishes it, and the undisturbed network."""
    with pytest.raises(RuntimeError, match="the power is gone"):
        trained(tmp_path / "cut", schedule, data=Numbers(breaks_at=(1, 3)), epochs=2)
    (path,) = (tmp_path / "cut").glob("resume-*.ckpt")
    finish = functools.partial(trained, tmp_path / "cut", schedule, epochs=2)
    return path, finish, trained(tmp_path / "whole", schedule, epochs=2)


def flip_a_bit_of_a_tensor(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def change(path, **parts):
    WholeCheckpoints().save_checkpoint(torch.load(path, weights_only=True) | parts, path)


DAMAGES = {
    "flipped": (flip_a_bit_of_a_tensor, r"it is damaged \(.* has changed\)"),
    "cut off": (lambda path: os.truncate(path, path.stat().st_size // 2), r"it is damaged \(File is not a zip file\)"),
    "empty": (lambda path: os.truncate(path, 0), "it is damaged or not a PyTorch file"),
    "a counter": (
        lambda path: torch.save(torch.load(path, weights_only=True) | {"global_step": 10**6}, path),
        "it is damaged or was not written by this workflow",
    ),
    "another network": (
        lambda path: change(path, state_dict=Square(torch.nn.Linear(3, 1), None).state_dict()),
        "it is of another network",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_resume_file_that_cannot_be_used_is_told_and_the_training_starts_again(unfinished, caplog, damage):
    path, finish, whole = unfinished
    spoil, said = DAMAGES[damage]
    spoil(path)
    with caplog.at_level("INFO", logger="mdc"):
        assert same(finish(), whole)
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert re.fullmatch(f"{path}: {said}; the training starts again from the beginning", warning)
    assert "continuing the unfinished training" not in caplog.text
    assert not path.exists()


def test_a_resume_file_of_another_lightning_is_kept_for_it(unfinished):
    path, finish, _ = unfinished
    change(path, **{"pytorch-lightning_version": "1.9.0"})
    said = rf"{path}: an unfinished training of Lightning 1\.9\.0, but this is {re.escape(pl.__version__)}: install"
    with pytest.raises(InputError, match=said):
        finish()
    assert path.exists()


def test_a_resume_file_that_cannot_be_read_now_is_kept(unfinished, monkeypatch):
    path, finish, _ = unfinished

    def broken(*_, **__):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("mdc.networks.weight_files.zipfile.ZipFile", broken)
    with pytest.raises(InputError, match=rf"{path}: cannot be read \(Input/output error\): make it readable or remove"):
        finish()
    assert path.exists()


def test_too_little_memory_names_what_to_lower(tmp_path, schedule, monkeypatch):
    def too_much(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    with monkeypatch.context() as patch:
        patch.setattr(Square, "loss", too_much)
        said = (
            r"^memory ran out \(CUDA out of memory\. Tried to allocate 2\.00 GiB\.\): lower training\.batch_size, or "
        )
        with pytest.raises(InputError, match=f"{said}raise training.micro_batches"):
            trained(tmp_path, schedule)
    assert not (tmp_path / "weights.pt").exists()
    assert same(trained(tmp_path, schedule), trained(tmp_path / "whole", schedule))


class Killed(Numbers):
    """Sends a signal to the process that reads the second image."""

    def __init__(self, number):
        super().__init__()
        self.number = number

    def __getitem__(self, key):
        if key[1] == 1:
            os.kill(os.getpid(), self.number)
        return super().__getitem__(key)


@pytest.fixture
def reading_processes(monkeypatch):
    """Have trainings read by a worker process, as on a GPU."""

    class Loader(DataLoader):
        def __init__(self, *args, **settings):
            super().__init__(*args, **settings | loader_workers(1))

    monkeypatch.setattr(training, "DataLoader", Loader)
    # PyTorch sets its handler for dead workers once in a process, and Lightning takes it away after each training
    monkeypatch.setattr("torch.utils.data._utils.signal_handling._SIGCHLD_handler_set", False)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGKILL, "a process that reads images was killed, most likely because memory ran out: give the rule"),
        (
            signal.SIGBUS,
            "the processes that read images need more shared memory: enlarge /dev/shm or give the rule fewer",
        ),
        (signal.SIGTERM, "the training was stopped from outside: run the same command again to continue it"),
    ],
)
def test_a_killed_reading_process_is_a_sentence(tmp_path, schedule, reading_processes, number, said):
    with pytest.raises(InputError, match=f"^{said}"):
        trained(tmp_path, schedule, data=Killed(number))


GLOO = "[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:561] "
DIST = torch.distributed


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(f"{GLOO}Connection closed by peer [127.0.0.1]:31406. This is typically caused by a remote worker"),
        DIST.DistNetworkError(
            "failed to recv, got 0 bytes. Connection was likely closed. Did the remote server shutdown"
        ),
        DIST.DistStoreError("Timed out after 1801 seconds waiting for clients. 1/2 clients joined."),
    ],
)
def test_that_another_process_is_gone_is_a_sentence_for_several_processes(tmp_path, error):
    several, one = (types.SimpleNamespace(world_size=count, received_sigterm=False) for count in (2, 1))
    with pytest.raises(InputError, match="^another process of this training has ended"), faults_of(several, tmp_path):
        raise error
    with pytest.raises(RuntimeError, match=re.escape(str(error))), faults_of(one, tmp_path):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("the connection of layer fc6 to fc7 was closed by peer review"),
        DIST.DistBackendError("ncclInvalidUsage: Duplicate GPU detected : rank 0 and rank 1 both on CUDA device 0"),
    ],
)
def test_other_errors_of_several_processes_keep_their_words(tmp_path, error):
    several = types.SimpleNamespace(world_size=2, received_sigterm=False)
    with pytest.raises(RuntimeError, match=re.escape(str(error))), faults_of(several, tmp_path):
        raise error


class Filling(Numbers):
    """Fills a disk but for some bytes in the second epoch."""

    def __init__(self, folder, *, leaving):
        super().__init__()
        self.folder, self.leaving = folder, leaving

    def __getitem__(self, key):
        if key == (1, 0):
            disk = os.statvfs(self.folder)
            (self.folder / "filler").write_bytes(bytes(disk.f_bavail * disk.f_frsize - self.leaving))
        return super().__getitem__(key)


class Talkative(Square):
    """Logs more than TensorBoard's thread holds back."""

    def loss(self, batch):
        for number in range(300):
            self.logger.log_metrics({"x": 1.0}, step=number)
        return super().loss(batch)


@pytest.mark.parametrize(
    ("leaving", "task", "file"),
    [(0, Square, "metrics.csv"), (4096, Square, "resume-[0-9a-f]+.ckpt"), (0, Talkative, "")],
    ids=["metrics", "resume file", "TensorBoard"],
)
def test_a_full_disk_loses_the_epoch_and_no_more(tmp_path, schedule, monkeypatch, capfd, leaving, task, file):
    whole = trained(tmp_path / "whole", schedule, epochs=3)
    with small_disk(tmp_path / "disk") as disk:
        run = disk / "run"
        with monkeypatch.context() as patch:
            patch.setattr("tests.unit.training.test_engine.Square", task)
            said = rf"^{run / file}: No space left on device \(0\.0 of 1\.0 MB are free in {run}\): free some space"
            with pytest.raises(InputError, match=said):
                trained(run, schedule, data=Filling(disk, leaving=leaving), epochs=3)
        assert not (run / "weights.pt").exists() and not list(disk.rglob("*.tmp"))
        (disk / "filler").unlink()
        again = trained(run, schedule, data=Numbers(breaks_at=(0, 3)), epochs=3)  # the first epoch is not run again
    assert same(again, whole)
    assert "Traceback" not in capfd.readouterr().err


def test_ctrl_c_reaches_the_caller_as_such(tmp_path, schedule):
    class Interrupted(Numbers):
        def __getitem__(self, key):
            if key == (1, 0):
                raise KeyboardInterrupt
            return super().__getitem__(key)

    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(KeyboardInterrupt):
            trained(tmp_path / "cut", schedule, data=Interrupted(), epochs=2)
    finally:
        signal.signal(signal.SIGINT, before)  # which Lightning has switched off
    assert same(trained(tmp_path / "cut", schedule, epochs=2), trained(tmp_path / "whole", schedule, epochs=2))


def test_a_signal_that_comes_before_lightning_listens_stops_the_run(tmp_path, schedule, monkeypatch):
    def stopped(*_, **__):
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(training.pl.Trainer, "fit", stopped)
    with pytest.raises(StoppedError):
        trained(tmp_path, schedule)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
