"""Training on several GPUs of one machine, which share every batch (Lightning's DDP).

On CPUs, processes replace them.
"""

import os
import signal
from dataclasses import dataclass
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.plugins.layer_sync import TorchSyncBatchNorm
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import DataLoader, Subset

from mdc.runtime.devices import accelerator
from mdc.runtime.errors import InputError
from mdc.runtime.gpu_locks import claim_gpus
from mdc.runtime.processes import SHARED_GPUS, end_with_parent, rank_in_training


@dataclass(frozen=True)
class Share:
    """This process's share of a training: `rank` of `processes`, CPU `threads`, and the `kind` of device, gpu or cpu.

    `cards` are the numbers of the GPUs of all processes, none on CPUs.
    """

    rank: int
    processes: int
    threads: int
    kind: str
    cards: tuple[int, ...]

    def trainer_arguments(self) -> dict[str, Any]:
        """Return the arguments of Lightning's trainer that say where it runs."""
        several = self.processes > 1
        return {
            "accelerator": self.kind,
            "devices": list(self.cards) or self.processes,
            "strategy": DDPStrategy(process_group_backend="nccl" if self.cards else "gloo") if several else "auto",
            "use_distributed_sampler": False,  # `mdc.training.datasets.batches` gives each process its part
        }

    def plugins(self) -> list:
        """Return Lightning's plugins for it."""
        # never SLURM's environment: to it, a training is one task, which starts the other processes itself
        return [LightningEnvironment(), *([SyncedBatchNorm()] if self.processes > 1 and self.kind == "gpu" else [])]


class SyncedBatchNorm(TorchSyncBatchNorm):
    """Batch normalisation over the images of all processes; Lightning's own drops the activations in timm's layers."""

    def apply(self, model: nn.Module) -> nn.Module:
        """Return the model with these layers in the places of others."""
        from timm.layers import convert_sync_batchnorm  # takes seconds, and only trainings on several GPUs need it

        return convert_sync_batchnorm(model)


def take_share(gpus: int, *, batch: int, network: nn.Module, device: str, threads: int) -> Share:
    """Return this process's share of a training on `gpus` GPUs, which are then claimed, and its threads set.

    Args:
        gpus: 0 trains on the first GPU, whoever else uses it (see `mdc.runtime.gpu_locks.claim_gpus`).
        batch: images per step.
        device: `auto`, `cpu` or `cuda`.
        threads: CPU threads of all processes.

    Raises:
        InputError: see `processes_for`, `mdc.runtime.devices.accelerator` and `mdc.runtime.gpu_locks.claim_gpus`.
    """
    kind = accelerator(device)
    processes = processes_for(gpus, batch=batch, network=network, kind=kind)
    rank = rank_in_training() if processes > 1 else 0
    cards = tuple(claim_gpus(gpus) if gpus else [0]) if kind == "gpu" else ()
    threads = max(threads // processes, 1)
    torch.set_num_threads(threads)
    if rank > 0:
        end_with_parent(signal.SIGKILL)  # it may hang in a message to the first process
    elif processes > 1:
        os.environ[SHARED_GPUS] = ",".join(map(str, cards))
        os.environ["OMP_NUM_THREADS"] = str(threads)  # else Lightning shares all cores of the machine
    return Share(rank=rank, processes=processes, threads=threads, kind=kind, cards=cards)


def processes_for(gpus: int, *, batch: int, network: nn.Module, kind: str) -> int:
    """Return how many processes share each batch when a rule is given `gpus` GPUs; on CPUs there are as many.

    Args:
        batch: images per step.
        kind: `gpu` or `cpu`.

    Raises:
        InputError: there are more than images; batch normalisation would see parts of batches.
    """
    processes = max(gpus, 1)
    if batch < processes:
        raise InputError(
            f"{batch} images per step (training.batch_size, or all there are) cannot be shared by {processes} GPUs: "
            f"give the rule at most {batch}, --set-resources RULE:gpu={batch}"
        )
    if (
        processes > 1
        and kind == "cpu"
        and any(isinstance(module, _BatchNorm) and module.training for module in network.modules())
    ):
        raise InputError(
            f"batch normalisation cannot be trained by {processes} processes on CPUs, each would see its part of the "
            "batch only: set encoder.norm, classifier.block_norm and segmenter.fc_norm to group or none, or give the "
            "rule gpu=1"
        )
    return processes


def part_of(validation: DataLoader | None, share: Share) -> DataLoader | None:
    """Return every n-th item of a loader of single items for each of n processes; all if there is not one for each."""
    if validation is None or share.processes == 1 or len(validation.dataset) < share.processes:
        return validation
    places = range(share.rank, len(validation.dataset), share.processes)
    return DataLoader(Subset(validation.dataset, places), batch_size=1)


def gathered(items: list[Tensor]) -> list[Tensor]:
    """Return the items of all processes, made from `part_of` a loader, in the loader's order."""
    if not torch.distributed.is_initialized():
        return items
    parts: list[list[Tensor]] = [[] for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather_object(parts, items)
    return [part[place] for place in range(len(parts[0])) for part in parts if place < len(part)]


class StopAtOnce(Callback):
    """Lets a signal from outside end a training of several processes at once.

    Lightning would end it together after the batch, by a message that each of them sends from within its signal
    handler, which hangs when a scheduler signals all of them. Either way the last finished epoch is what counts.
    """

    def on_train_start(self, trainer: pl.Trainer, task: pl.LightningModule) -> None:
        def stop(*_: Any) -> None:
            trainer.strategy.launcher.kill(signal.SIGKILL)
            raise SIGTERMException

        signal.signal(signal.SIGTERM, stop)
