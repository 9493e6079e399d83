"""The segmenter stage: training LargeFOV on pseudo masks or on true masks (paper §3.3)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from mdc.datasets import TrainingViews, fill_colour
from mdc.losses import strong_loss, weak_loss
from mdc.manifest import read_manifest, tag_matrix
from mdc.models.largefov import LargeFov, build_segmenter
from mdc.models.start import initialise
from mdc.models.weights import load_state
from mdc.optimisation import Schedule
from mdc.tables import paths_of
from mdc.training import Task, fit


class SegmenterTask(Task):
    """Equation 1 over pseudo masks, or equation 2's J_s where the masks are true ones.

    Args:
        loss_resolution: `network` takes the masks at every `stride`-th pixel; `image` upsamples the scores.
        weak: whether the masks are pseudo masks; true masks never have an online term.
        online_term: whether the loss of weak segmenters has the second term of equation 1.
        online_warmup_epochs: epochs without the online term; 0 in the paper.
    """

    def __init__(
        self,
        network: LargeFov,
        schedule: Schedule,
        *,
        loss_resolution: str,
        weak: bool,
        online_term: bool,
        online_warmup_epochs: int,
    ) -> None:
        super().__init__(network, schedule)
        self.loss_resolution = loss_resolution
        self.online_term = weak and online_term
        self.online_warmup_epochs = online_warmup_epochs

    def loss(self, batch: dict) -> Tensor:
        scores = self.network(self.network.standardise(batch["image"])).float()  # (N, C, h, w)
        masks, padding = batch["mask"], batch["padding"]
        if self.loss_resolution == "network":
            stride = self.network.trunk.stride
            masks, padding = masks[:, ::stride, ::stride], padding[:, ::stride, ::stride]
        else:
            scores = functional.interpolate(scores, masks.shape[1:], mode="bilinear", align_corners=True)
        if self.online_term and self.current_epoch >= self.online_warmup_epochs:
            return weak_loss(scores, masks, batch["tags"], padding)
        return strong_loss(scores, masks)


def train_segmenter(
    *,
    train_csv: Path,
    masks_csv: Path | None,
    classifier_pt: Path | None,
    weights_pt: Path,
    classes: Sequence[str],
    network: dict[str, Any],
    init: str,
    weights: str,
    weights_input: str,
    view: dict[str, Any],
    loss_resolution: str,
    online_term: bool,
    online_warmup_epochs: int,
    training: dict[str, Any],
    seed: int,
    device: str,
    threads: int,
    code: str,
) -> None:
    """Train a segmenter and write what `mdc.training.fit` does.

    Args:
        train_csv: manifest of the training images.
        masks_csv: table of their pseudo masks; None trains on the manifest's true masks, without the online term.
        classifier_pt: where `init: classifier` takes the trunk from, else None.
        network: arguments of `build_segmenter` (without classes).
        init, weights, weights_input: see `mdc.models.start.initialise`.
        view: crop_px, resize_long_side_px and flip of `mdc.transforms.augmented`.
        loss_resolution, online_term, online_warmup_epochs: see `SegmenterTask`.
        training: fields of `mdc.optimisation.Schedule`.
        code: fingerprint of the code; a training is not resumed by other code.
    """
    torch.manual_seed(seed)
    model = build_segmenter(classes=len(classes), **network)
    state = load_state(classifier_pt) if classifier_pt else None
    initialise(model, init=init, weights=weights, weights_input=weights_input, classifier_state=state)
    table = read_manifest(train_csv)
    weak = masks_csv is not None
    views = TrainingViews(
        ids=list(table["id"]),
        images=list(table["image"]),
        tags=tag_matrix(table, classes),
        masks=paths_of(list(table["id"]), [masks_csv]) if weak else list(table["mask"]),
        seed=seed,
        fill=fill_colour(model),
        **view,
    )
    settings = {
        "classes": list(classes),
        "network": network,
        "init": init,
        "weights_input": weights_input,
        "view": view,
        "weak": weak,
        "loss_resolution": loss_resolution,
        "online_term": online_term,
        "online_warmup_epochs": online_warmup_epochs,
        "training": training,
        "seed": seed,
        "code": code,
    }
    task = SegmenterTask(
        model,
        Schedule(**training),
        loss_resolution=loss_resolution,
        weak=weak,
        online_term=online_term,
        online_warmup_epochs=online_warmup_epochs,
    )
    start = Path(weights) if init in ("imagenet", "file") else None
    fit(
        task,
        views,
        None,
        seed=seed,
        settings=settings,
        inputs=[path for path in (train_csv, masks_csv, classifier_pt, start) if path],
        weights_pt=weights_pt,
        device=device,
        threads=threads,
    )
