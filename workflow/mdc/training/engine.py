"""The one training engine, for the classifier and the segmenter alike: Lightning with exact resuming.

Everything random in an epoch (order, views, dropout) is a function of the seed and the epoch's number, so a run that
was killed and continues from its last finished epoch ends with the same weights as one that was not. Several GPUs share
every batch, so that they compute what one would, up to rounding and the random numbers of dropout.
"""

import hashlib
import json
import logging
import shutil
from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pandas as pd
import torch
from lightning.pytorch.callbacks import Callback, Checkpoint
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from mdc.networks.checkpoints import save_network
from mdc.networks.descriptions import Description
from mdc.runtime.errors import InputError
from mdc.runtime.files import write_whole
from mdc.runtime.logs import logger
from mdc.runtime.parallel import forking, loader_workers
from mdc.runtime.progress import Meter
from mdc.training.completed import completed_folder, keep_completed, take_completed
from mdc.training.datasets import FEATURES, batches
from mdc.training.faults import training_faults_named
from mdc.training.optimisation import Schedule, build_optimizer, lr_factor, precision_for
from mdc.training.resume import WholeCheckpoints, resume_problem
from mdc.training.several_gpus import StopAtOnce, part_of, take_share

logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # it advertises otherwise
STEPS_BETWEEN_LOGGED_LOSSES = 10


class Task(pl.LightningModule):
    """A stage's part of the engine: its loss and its validation."""

    def __init__(self, network: nn.Module, schedule: Schedule) -> None:
        super().__init__()
        self.network = network
        self.schedule = schedule
        self.steps_per_epoch = self.images_per_step = self.parts_per_step = 1  # set by `fit`, which knows the data
        self.train_loader: Callable[[int], DataLoader] | None = None
        self.losses: list[Tensor] = []
        self.metrics: dict[str, float] = {}

    @abstractmethod
    def loss(self, batch: dict) -> Tensor:
        """Return the scalar loss of a batch of `mdc.training.datasets.TrainingViews`, averaged over its images."""

    def outputs(self, batch: dict) -> Tensor:
        """Return the network's output for a batch, from its stored features if it has some, else from its images."""
        if FEATURES in batch:
            features = batch[FEATURES].float().permute(0, 3, 1, 2)  # (N, channels, h, w), in channels_last
            return self.network.from_features(features)
        return self.network(self.network.encoder.standardise(batch["image"]))

    def train_dataloader(self) -> DataLoader:
        return self.train_loader(self.current_epoch)

    def training_step(self, batch: dict, _: int) -> Tensor:
        loss = self.loss(batch)
        if not torch.isfinite(loss):
            raise InputError(
                f"the loss is {loss.item()} at step {self.global_step} (epoch {self.current_epoch}) on the images "
                f"{', '.join(batch['id'])}: lower the learning rate (training.lr) or look at these images"
            )
        # parts of a batch need not have the same size, and Lightning takes the plain mean over them
        loss = loss * (len(batch["id"]) * self.parts_per_step / self.images_per_step)
        self.losses.append(loss.detach())
        return loss

    def on_train_epoch_start(self) -> None:
        self.losses.clear()

    def configure_optimizers(self) -> dict:
        optimizer = build_optimizer(self.network, self.schedule)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: lr_factor(step, steps_per_epoch=self.steps_per_epoch, schedule=self.schedule)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class ReseedEveryEpoch(Callback):
    """Makes all random numbers that are drawn during an epoch (dropout) depend on seed, epoch and process alone."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_epoch_start(self, trainer: pl.Trainer, task: Task) -> None:
        drawn_by = f" {trainer.global_rank}" if trainer.global_rank else ""
        mixed = hashlib.sha256(f"{self.seed} {trainer.current_epoch}{drawn_by}".encode()).digest()
        torch.manual_seed(int.from_bytes(mixed[:8], "big") >> 1)


class History(Callback):
    """One row per epoch: loss, learning rate and validation metrics; written to a CSV, kept in the checkpoint."""

    def __init__(self, csv: Path) -> None:
        self.csv = csv
        self.rows: list[dict[str, float]] = []

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = state_dict["rows"]

    def write(self) -> None:
        """Write the rows so far; called by the first process only."""
        write_whole(self.csv, pd.DataFrame(self.rows).to_csv(index=False).encode())

    def on_train_epoch_end(self, trainer: pl.Trainer, task: Task) -> None:
        # the rate of the encoder's weights, as configured, without the factors of biases and new layers
        lr = task.schedule.lr * lr_factor(
            trainer.global_step - 1, steps_per_epoch=task.steps_per_epoch, schedule=task.schedule
        )
        row = {"epoch": trainer.current_epoch + 1, "step": trainer.global_step, "lr": lr}
        loss = trainer.strategy.reduce(torch.stack(task.losses).mean(), reduce_op="mean")
        row |= {"loss": loss.item()} | task.metrics
        task.metrics = {}
        self.rows.append(row)
        if trainer.is_global_zero:
            self.write()
        trainer.logger.log_metrics({k: v for k, v in row.items() if k not in ("epoch", "step")}, step=row["step"])
        logger.info("epoch %d: %s", row["epoch"], ", ".join(f"{k} {v:.4g}" for k, v in row.items() if k != "epoch"))


class Progress(Callback):
    """The bar, and the time left until the last epoch."""

    def __init__(self, label: str) -> None:
        self.label = label

    def on_train_start(self, trainer: pl.Trainer, task: Task) -> None:
        self.meter = Meter(total=task.steps_per_epoch * task.schedule.epochs, label=self.label)
        self.meter.begin_at(trainer.global_step)

    def on_train_batch_end(self, trainer: pl.Trainer, task: Task, outputs: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step > self.meter.done:  # not so between accumulated micro-batches
            note = f"epoch {trainer.current_epoch + 1}"
            if trainer.global_step % STEPS_BETWEEN_LOGGED_LOSSES == 0:
                loss = task.losses[-1].item()
                trainer.logger.log_metrics({"step_loss": loss}, step=trainer.global_step)
                note += f", loss {loss:.3f}"
            self.meter.step(note)

    def on_train_end(self, trainer: pl.Trainer, task: Task) -> None:
        self.meter.close()


class KeepLastEpoch(Checkpoint):
    """Writes the whole training state after every epoch, as `mdc.training.resume.WholeCheckpoints` does."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_epoch_end(self, trainer: pl.Trainer, task: Task) -> None:
        trainer.save_checkpoint(self.path, weights_only=False)  # all processes take part, the first one writes


def resume_path(folder: Path, *, settings: dict[str, Any], inputs: Sequence[Path]) -> Path:
    """Return where the state of an unfinished training lies.

    The name depends on the settings and on the content of the input files, so that a run never continues from a
    state that other settings or other data have left.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for path in inputs:
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return folder / f"resume-{digest.hexdigest()[:16]}.ckpt"


def _resumable(checkpoint: Path, task: Task) -> Path | None:
    """Return the resume file if a training of `task` can continue from it; else None, with a warning if it exists."""
    problem = resume_problem(checkpoint, task.state_dict()) if checkpoint.exists() else ""
    if problem:
        # Not an error: nothing in the file can be used, and what a person could do about it, to remove it, gives
        # the same weights as to begin again right away, which a job retried at night can do alone.
        logger.warning("%s: %s; the training starts again from the beginning", checkpoint, problem)
    return checkpoint if checkpoint.exists() and not problem else None


def _clear(folder: Path, *, keep: Path, resuming: bool) -> None:
    """Remove earlier trainings' files from the folder of one that begins, or continues from the resume file `keep`."""
    for other in [*folder.glob("resume-*.ckpt"), *folder.glob(".resume-*.ckpt.tmp")]:  # the latter of killed runs
        if other != keep:
            other.unlink()
    for other in folder.glob(".completed-*"):
        shutil.rmtree(other)
    if resuming:
        logger.info("continuing the unfinished training of %s", keep)
    else:
        shutil.rmtree(folder / "tensorboard", ignore_errors=True)  # curves of an earlier training


def fit(
    task: Task,
    training: Dataset,
    validation: DataLoader | None,
    *,
    description: Description,
    seed: int,
    settings: dict[str, Any],
    inputs: Sequence[Path],
    weights_pt: Path,
    device: str,
    threads: int,
    gpus: int = 0,
    strong: Sequence[int] = (),
    strong_share: float = 0,
) -> None:
    """Train `task.network` and write it to `weights_pt`; continue from the last finished epoch of a killed run.

    Beside it come `metrics.csv` (a row per epoch), `tensorboard/`, while it runs `resume-*.ckpt`, and then what
    `mdc.training.completed` keeps: a training that is finished and has the same settings and inputs is taken over. With
    more than one of `gpus` the running script is started again for each further one; there, nothing is written.

    Args:
        training: gives items for keys (epoch, index), as `mdc.training.datasets.TrainingViews`.
        validation: batches for `task.validation_step`, or None.
        description: of the network, kept with its weights.
        settings, inputs: everything else that the result depends on; they identify the resume file, and the
        settings
            are kept with the weights.
        device: `auto`, `cpu` or `cuda`.
        strong, strong_share: images with human masks and their share of a batch, see `mdc.training.datasets.batches`.
        threads: CPU threads; also worker processes for reading, where a GPU does the computing.
        gpus: GPUs that share each batch, taken from those that no other job has (`claim_gpus`); 0 trains on
            the first one, whoever else uses it. On CPUs, so many processes share each batch.

    Raises:
        InputError: the loss is not finite (says the step and the images); the device does not exist; the run was
            stopped by a signal; memory ran out; the disk is full; the resume file is of another version of Lightning;
            see `processes_for`.
    """
    schedule = task.schedule
    size = min(schedule.batch_size, len(training))
    task.steps_per_epoch = len(training) // size
    share = take_share(gpus, batch=size, network=task.network, device=device, threads=threads)
    micro_batches = min(schedule.micro_batches, size // share.processes)
    task.images_per_step, task.parts_per_step = size, share.processes * micro_batches
    torch.set_flush_denormal(True)  # late in training, CPUs are slow on the tiniest numbers
    task.network.to(memory_format=torch.channels_last)
    workers = max(share.threads - 1, 1) if share.kind == "gpu" else 0

    def train_loader(epoch: int) -> DataLoader:
        keys = batches(
            images=len(training),
            batch_size=size,
            micro_batches=micro_batches,
            seed=seed,
            epoch=epoch,
            strong=strong,
            strong_share=strong_share,
            rank=share.rank,
            ranks=share.processes,
        )
        return DataLoader(
            training,
            batch_sampler=list(keys),
            pin_memory=share.kind == "gpu",
            generator=torch.Generator(),  # else it draws from dropout's, before or after the reseeding
            **loader_workers(workers),
        )

    task.train_loader = train_loader
    folder = weights_pt.parent
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = resume_path(
        folder, settings=settings | asdict(schedule) | {"network": description.model_dump()}, inputs=inputs
    )
    outputs = [weights_pt, folder / "metrics.csv"]
    completed = completed_folder(checkpoint)
    if take_completed(completed, outputs):
        return
    resuming = _resumable(checkpoint, task)
    if share.rank == 0:
        _clear(folder, keep=checkpoint, resuming=resuming is not None)
    history = History(outputs[1])
    callbacks = [ReseedEveryEpoch(seed), history, KeepLastEpoch(checkpoint)]
    callbacks += [Progress(f"train {folder}")] if share.rank == 0 else []
    callbacks += [StopAtOnce()] if share.processes > 1 else []
    trainer = pl.Trainer(
        **share.trainer_arguments(),
        plugins=[*share.plugins(), WholeCheckpoints()],
        precision=precision_for(schedule.precision, share.kind),
        max_epochs=schedule.epochs,
        accumulate_grad_batches=micro_batches,
        check_val_every_n_epoch=schedule.validate_every_epochs,
        limit_val_batches=0 if validation is None else 1.0,
        num_sanity_val_steps=0,
        reload_dataloaders_every_n_epochs=1,
        callbacks=callbacks,
        logger=TensorBoardLogger(folder, name="tensorboard", version=""),
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    with training_faults_named(trainer, folder), forking() if workers else nullcontext():
        trainer.fit(task, val_dataloaders=part_of(validation, share), ckpt_path=resuming, weights_only=True)
    if share.processes > 1:
        torch.distributed.destroy_process_group()
    if share.rank > 0:
        return
    history.write()  # again: a run that was killed after its last epoch may have lost it
    save_network(weights_pt, task.network.cpu(), description, settings=settings)
    keep_completed(completed, outputs)
    checkpoint.unlink(missing_ok=True)
