"""The classifier stage: training the multi-dilation network on tags (paper §3.2)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torchmetrics.functional.classification import multilabel_average_precision

from mdc.config.experiments import block_names
from mdc.data.manifest import read_manifest, tag_matrix
from mdc.data.whole_photos import whole_photos
from mdc.downloads.packages import weights_file
from mdc.features import with_features
from mdc.networks.init_weights import start_network
from mdc.networks.multi_dilation import ClassifierDescription, MultiDilationClassifier
from mdc.training.datasets import TrainingViews, fill_colour
from mdc.training.engine import Task, fit
from mdc.training.optimisation import Schedule
from mdc.training.several_gpus import gathered


class ClassifierTask(Task):
    """Sigmoid cross-entropy on the tags, averaged over classes and blocks; average precision per block on val."""

    network: MultiDilationClassifier

    def on_validation_epoch_start(self) -> None:
        self.logits: list[Tensor] = []
        self.tags: list[Tensor] = []

    def loss(self, batch: dict) -> Tensor:
        logits = self.outputs(batch)  # (N, D, K)
        return functional.binary_cross_entropy_with_logits(logits, batch["tags"][:, None].expand_as(logits))

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        images, tags = batch
        self.logits.append(self.network(self.network.encoder.prepare(images)).float().cpu())
        self.tags.append(tags.cpu())

    def on_validation_epoch_end(self) -> None:
        table = average_precisions(torch.cat(gathered(self.logits)), torch.cat(gathered(self.tags)))
        names = block_names(self.network.dilations)
        self.metrics = {f"mAP_{name}": row.nanmean().item() for name, row in zip(names, table, strict=True)}


def average_precisions(logits: Tensor, tags: Tensor) -> Tensor:
    """Return average precision (D, K) of logits (N, D, K) for tags (N, K), in 0..1, NaN for a class without images."""
    present = tags.sum(0) > 0
    tables = []
    for block in logits.unbind(1):
        precision = multilabel_average_precision(
            block.sigmoid(), tags.long(), num_labels=tags.shape[1], average="none", validate_args=False
        )
        tables.append(torch.where(present, precision, torch.nan))
    return torch.stack(tables)


def train_classifier(
    *,
    train_csv: Path,
    val_csv: Path,
    weights_pt: Path,
    description: ClassifierDescription,
    init: str,
    weights: str,
    augmentation: dict[str, Any],
    training: dict[str, Any],
    seed: int,
    device: str,
    threads: int,
    code: str,
    head_bias: str = "zero",
    gpus: int = 0,
    features: Sequence[Path] = (),
) -> None:
    """Train the classifier and write what `mdc.training.engine.fit` does.

    Args:
        train_csv, val_csv: manifests; val may be empty, then there is no average precision.
        description: of the network.
        init, weights: see `mdc.networks.init_weights.start_network`.
        augmentation: crop_px, resize_long_side_px, flip and views of `mdc.training.datasets.TrainingViews`.
        training: fields of `mdc.training.optimisation.Schedule`.
        device, threads, gpus: see `mdc.training.engine.fit`.
        code: fingerprint of the code; a training is not resumed by other code.
        head_bias: `zero` or `prior`, see `MultiDilationClassifier.start_at_prior`.
        features: files of a frozen encoder's features of the views, see `mdc.features`; empty for none.
    """
    network = start_network(description, seed=seed, init=init, weights=weights)
    schedule = Schedule(**training)
    network.encoder.hold(freeze=schedule.freeze, batch_norm=schedule.encoder_batch_norm)
    table, val = read_manifest(train_csv), read_manifest(val_csv)
    classes = description.classes
    tags = tag_matrix(table, classes)
    if head_bias == "prior" and init != "file":
        # with half an image more of either kind, no share is 0 or 1
        network.start_at_prior(torch.from_numpy((tags.sum(0) + 0.5) / (len(tags) + 1)))
    views = TrainingViews(
        ids=list(table["id"]),
        images=list(table["image"]),
        tags=tags,
        masks=None,
        seed=seed,
        fill=fill_colour(network.encoder),
        **augmentation,
    )
    fit(
        ClassifierTask(network, schedule),
        with_features(views, features, network.encoder),
        whole_photos(val, classes) if len(val) else None,
        description=description,
        seed=seed,
        settings={
            "head_bias": head_bias,
            "init": init,
            "augmentation": augmentation,
            "training": training,
            "seed": seed,
            "code": code,
        },
        inputs=[train_csv, val_csv, *([weights_file(weights)] if weights else [])],
        weights_pt=weights_pt,
        device=device,
        threads=threads,
        gpus=gpus,
    )
