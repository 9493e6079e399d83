"""The training engine: schedule and optimiser by hand, exact resuming, accumulation, and what stops a run."""

import os
import signal

import pandas as pd
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from mdc.runtime.errors import InputError
from mdc.training import engine as training
from mdc.training.completed import keep_completed, take_completed
from mdc.training.engine import Task, fit, resume_path
from mdc.training.optimisation import Schedule, build_optimizer, lr_factor
from tests.unit.networks.slim_networks import slim_segmenter


class Network(nn.Module):
    """Two linear layers with dropout between them."""

    def __init__(self, dropout: float = 0.5) -> None:
        super().__init__()
        self.old = nn.Linear(3, 8)
        self.dropout = nn.Dropout(dropout)
        self.new = nn.Linear(8, 1)

    def new_parameters(self):
        return set(self.new.parameters())

    def forward(self, x):
        return self.new(self.dropout(self.old(x).relu()))


class Square(Task):
    """Squared error; validated by the mean output."""

    def loss(self, batch):
        return (self.network(batch["x"]) - batch["y"]).square().mean()

    def validation_step(self, batch, _):
        self.outputs.append(self.network(batch))

    def on_validation_epoch_start(self):
        self.outputs = []

    def on_validation_epoch_end(self):
        self.metrics = {"mean_output": torch.cat(self.outputs).mean().item()}


class Numbers(Dataset):
    """Random vectors that depend on (epoch, index); raises at the key `breaks_at`, is NaN at `nan_at`."""

    def __init__(self, images=7, *, breaks_at=None, nan_at=None):
        self.images, self.breaks_at, self.nan_at = images, breaks_at, nan_at

    def __len__(self):
        return self.images

    def __getitem__(self, key):
        if key == self.breaks_at:
            raise RuntimeError("the power is gone")
        x = torch.randn(3, generator=torch.Generator().manual_seed(100 * key[0] + key[1]))
        x = torch.full((3,), torch.nan) if key == self.nan_at else x
        return {"id": f"image{key[1]}", "x": x, "y": x.sum(0, keepdim=True)}


def trained(folder, schedule, *, data=None, dropout=0.5, validate=False, settings=None, **changes) -> Network:
    torch.manual_seed(0)
    network = Network(dropout)
    fit(
        Square(network, Schedule(**schedule | changes)),
        data or Numbers(),
        DataLoader(torch.eye(3), batch_size=1) if validate else None,
        description=slim_segmenter(dropout=dropout),  # of another network, which the engine does not look at
        seed=5,
        settings=settings or {},
        inputs=[],
        weights_pt=folder / "weights.pt",
        device="cpu",
        threads=1,
    )
    return network


def same(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


def test_step_and_cosine_schedule_and_the_warm_up_in_a_line(schedule):
    paper = Schedule(**schedule | {"epochs": 15, "lr_decay_epochs": [6]})
    factors = [lr_factor(step, steps_per_epoch=10, schedule=paper) for step in (0, 59, 60, 149)]
    assert factors == pytest.approx([1, 1, 0.1, 0.1])
    deeplab = Schedule(**schedule | {"epochs": 15, "lr_decay_epochs": [6, 12]})
    factors = [lr_factor(step, steps_per_epoch=10, schedule=deeplab) for step in (59, 60, 119, 120)]
    assert factors == pytest.approx([1, 0.1, 0.1, 0.01])
    slow = Schedule(**schedule | {"warmup_steps": 4})
    factors = [lr_factor(step, steps_per_epoch=10, schedule=slow) for step in range(6)]
    assert factors == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1])
    cosine = Schedule(**schedule | {"lr_schedule": "cosine", "epochs": 2})
    factors = [lr_factor(step, steps_per_epoch=6, schedule=cosine) for step in (0, 4, 6, 8, 12)]
    assert factors == pytest.approx([1, 0.75, 0.5, 0.25, 0])  # cos of 0, 60, 90, 120, 180 degrees


def test_optimiser_groups_have_deeplabs_factors(schedule):
    network = Network()
    optimizer = build_optimizer(network, Schedule(**schedule | {"lr": 0.001, "weight_decay": 5e-4}))
    assert isinstance(optimizer, torch.optim.SGD)
    found = {
        id(parameter): (group["lr"], group["weight_decay"], group["momentum"])
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    assert found == {
        id(network.old.weight): (pytest.approx(0.001), 5e-4, 0.9),
        id(network.old.bias): (pytest.approx(0.002), 0, 0.9),
        id(network.new.weight): (pytest.approx(0.01), 5e-4, 0.9),
        id(network.new.bias): (pytest.approx(0.02), 0, 0.9),
    }


def test_adamw_is_built_on_request_and_normalisation_has_no_decay(schedule):
    network = Network()
    network.norm = nn.BatchNorm2d(2)
    optimizer = build_optimizer(network, Schedule(**schedule | {"optimizer": "adamw", "weight_decay": 0.1}))
    assert isinstance(optimizer, torch.optim.AdamW)
    decays = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert (decays[id(network.norm.weight)], decays[id(network.old.weight)]) == (0, 0.1)


def test_one_epoch_is_what_a_plain_loop_does(tmp_path, schedule):
    # one batch of all images, without dropout and momentum: w - lr * factor * gradient
    network = trained(tmp_path, schedule, data=Numbers(4), dropout=0.0, batch_size=4, weight_decay=0.5)
    torch.manual_seed(0)
    expected = Network(0.0)
    items = [Numbers(4)[(0, index)] for index in range(4)]
    loss = (expected(torch.stack([i["x"] for i in items])) - torch.stack([i["y"] for i in items])).square().mean()
    loss.backward()
    for name, parameter in expected.named_parameters():
        factor = (10 if name.startswith("new") else 1) * (2 if name.endswith("bias") else 1)
        decay = 0 if name.endswith("bias") else 0.5
        moved = parameter.data - 0.01 * factor * (parameter.grad + decay * parameter.data)
        torch.testing.assert_close(network.get_parameter(name).data, moved)
    table = pd.read_csv(tmp_path / "metrics.csv")
    assert table["loss"].tolist() == pytest.approx([loss.item()])


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_killed_run_goes_on_to_the_same_weights_and_metrics_bit_for_bit(tmp_path, schedule, optimizer):
    settings = {"epochs": 4, "optimizer": optimizer, "lr_schedule": "cosine", "warmup_steps": 3}
    settings |= {"micro_batches": 2, "validate": True, "validate_every_epochs": 2}
    whole = trained(tmp_path / "whole", schedule, **settings)
    for epoch in (1, 2):  # killed in the second epoch, and again in the third
        with pytest.raises(RuntimeError, match="the power is gone"):
            trained(tmp_path / "killed", schedule, data=Numbers(breaks_at=(epoch, 3)), **settings)
        assert len(pd.read_csv(tmp_path / "killed" / "metrics.csv")) == epoch
        assert len(list((tmp_path / "killed").glob("resume-*.ckpt"))) == 1
    resumed = trained(tmp_path / "killed", schedule, data=Numbers(breaks_at=(0, 3)), **settings)  # epoch 0 is done
    assert same(whole, resumed)
    metrics = (tmp_path / "whole" / "metrics.csv").read_bytes()
    assert metrics == (tmp_path / "killed" / "metrics.csv").read_bytes()
    table = pd.read_csv(tmp_path / "whole" / "metrics.csv")
    assert table["epoch"].tolist() == [1, 2, 3, 4] and table["step"].tolist() == [3, 6, 9, 12]
    assert table["mean_output"].isna().tolist() == [True, False, True, False]
    assert not list(tmp_path.glob("*/resume-*"))  # a finished run leaves none


class Stopped(Numbers):
    """Sends the process a scheduler's signal in the second epoch."""

    def __getitem__(self, key):
        if key == (1, 0):  # in the second of three steps
            os.kill(os.getpid(), signal.SIGTERM)
        return super().__getitem__(key)


def test_a_run_stopped_by_a_scheduler_is_no_success_and_goes_on_later(tmp_path, schedule):
    with pytest.raises(InputError, match="stopped from outside: run the same command again"):
        trained(tmp_path / "stopped", schedule, data=Stopped(), epochs=3)
    assert len(pd.read_csv(tmp_path / "stopped" / "metrics.csv")) == 1
    resumed = trained(tmp_path / "stopped", schedule, epochs=3)
    assert same(resumed, trained(tmp_path / "whole", schedule, epochs=3))


def test_a_run_does_not_go_on_from_the_state_of_other_settings(tmp_path, schedule):
    whole = trained(tmp_path / "whole", schedule, epochs=2)
    # other settings, another description of the network, which says the dropout, and another schedule
    for number, other in enumerate([{"settings": {"flip": False}}, {"dropout": 0.0}, {"lr": 0.02}]):
        folder = tmp_path / str(number)
        with pytest.raises(RuntimeError, match="the power is gone"):
            trained(folder, schedule, data=Numbers(breaks_at=(1, 3)), epochs=2, **other)
        assert len(list(folder.glob("resume-*"))) == 1
        with pytest.raises(RuntimeError, match="the power is gone"):  # since it begins with the first epoch again
            trained(folder, schedule, data=Numbers(breaks_at=(0, 3)), epochs=2)
        assert not list(folder.glob("resume-*"))
        assert same(trained(folder, schedule, epochs=2), whole)


def test_resume_file_is_named_after_settings_and_the_content_of_inputs(tmp_path):
    csv = tmp_path / "train.csv"
    csv.write_text("one")
    first = resume_path(tmp_path, settings={"seed": 0}, inputs=[csv])
    assert first == resume_path(tmp_path, settings={"seed": 0}, inputs=[csv])
    assert first != resume_path(tmp_path, settings={"seed": 1}, inputs=[csv])
    csv.write_text("two")
    assert first != resume_path(tmp_path, settings={"seed": 0}, inputs=[csv])


def test_a_loss_that_is_not_finite_stops_the_run_with_step_and_images(tmp_path, schedule):
    with pytest.raises(InputError, match=r"the loss is nan at step [345] \(epoch 1\) on the images .*image2"):
        trained(tmp_path, schedule, data=Numbers(6, nan_at=(1, 2)), epochs=2)


def test_another_seed_of_dropout_gives_other_weights(tmp_path, schedule):
    # the resume test means nothing if dropout does not act
    assert not same(trained(tmp_path / "a", schedule), trained(tmp_path / "b", schedule, dropout=0.0))
    assert same(trained(tmp_path / "c", schedule), trained(tmp_path / "d", schedule))


def test_a_run_that_failed_after_its_last_epoch_still_leaves_weights_and_metrics(tmp_path, schedule, monkeypatch):
    whole = trained(tmp_path / "whole", schedule, epochs=2)

    def no_space(*_, **__):
        raise OSError("no space left")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="no space left"):
        patch.setattr(training, "save_network", no_space)
        trained(tmp_path / "cut", schedule, epochs=2)
    (tmp_path / "cut" / "metrics.csv").unlink()  # as Snakemake does with the outputs of a failed job
    again = trained(tmp_path / "cut", schedule, epochs=2)
    assert same(again, whole)
    assert (tmp_path / "cut/metrics.csv").read_bytes() == (tmp_path / "whole/metrics.csv").read_bytes()
    assert (tmp_path / "cut/weights.pt").is_file() and not list((tmp_path / "cut").glob("resume-*"))


def test_uneven_micro_batches_equal_the_batch(tmp_path, schedule):
    settings = {"batch_size": 7, "epochs": 2, "dropout": 0.0}
    one = trained(tmp_path / "one", schedule, **settings)
    two = trained(tmp_path / "two", schedule, **settings, micro_batches=3)  # of 3, 2 and 2 images
    for p, q in zip(one.parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(p, q, atol=1e-6, rtol=1e-5)
    tables = [pd.read_csv(tmp_path / name / "metrics.csv")["loss"].tolist() for name in ("one", "two")]
    assert tables[0] == pytest.approx(tables[1], rel=1e-5)


def test_a_run_killed_before_snakemake_knew_that_it_was_finished_is_not_trained_again(tmp_path, schedule):
    trained(tmp_path, schedule, epochs=2, settings={"seed": 5})
    made = {name: (tmp_path / name).read_bytes() for name in ("weights.pt", "metrics.csv")}
    for name in made:
        (tmp_path / name).unlink()  # as Snakemake does with outputs of a job whose end it has not seen
    trained(tmp_path, schedule, data=Numbers(breaks_at=(0, 3)), epochs=2, settings={"seed": 5})
    assert {name: (tmp_path / name).read_bytes() for name in made} == made
    other = trained(tmp_path, schedule, epochs=2, dropout=0.0, settings={"seed": 6})  # other settings: trained anew
    assert same(other, trained(tmp_path / "fresh", schedule, epochs=2, dropout=0.0, settings={"seed": 6}))
    assert (tmp_path / "weights.pt").read_bytes() != made["weights.pt"]
    assert len(list(tmp_path.glob(".completed-*"))) == 1


def test_kept_outputs_take_no_room_and_survive_a_file_system_without_links(tmp_path, monkeypatch):
    output = tmp_path / "weights.pt"
    output.write_bytes(b"1")
    keep_completed(tmp_path / "kept", [output])
    assert output.stat().st_nlink == 2
    output.unlink()
    monkeypatch.setattr("os.link", lambda *_: (_ for _ in ()).throw(PermissionError("no links")))
    assert take_completed(tmp_path / "kept", [output]) and output.read_bytes() == b"1"
    assert not take_completed(tmp_path / "none", [output])


@pytest.mark.parametrize("damage", ["changed", "removed", "another PyTorch"])
def test_kept_outputs_that_are_not_what_was_kept_are_made_anew(tmp_path, schedule, monkeypatch, caplog, damage):
    caplog.set_level("INFO")
    trained(tmp_path, schedule, epochs=1)
    weights = tmp_path / "weights.pt"
    (kept,) = tmp_path.glob(".completed-*")
    made = weights.read_bytes()
    if damage == "changed":
        weights.write_bytes(made[:-1] + b"x")  # in place, so that the second name has it too
    elif damage == "removed":
        (kept / "metrics.csv").unlink()
    else:
        monkeypatch.setattr("torch.__version__", "1.0")
    weights.unlink()
    trained(tmp_path, schedule, epochs=1)
    assert f"the finished training in {kept} was changed, or made by another PyTorch: training again" in caplog.text
    assert weights.read_bytes() == made and (kept / "weights.pt").read_bytes() == made
