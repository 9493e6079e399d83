"""The segmenter stage: training the segmentation network on pseudo masks, true masks or both (paper §3.3)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional
from torchmetrics.classification import MulticlassJaccardIndex

from mdc.data.labels import BACKGROUND, VOID
from mdc.data.manifest import read_manifest, tag_matrix
from mdc.data.mask_files import read_mask
from mdc.downloads.packages import weights_file
from mdc.features import with_features
from mdc.networks.init_weights import start_network
from mdc.networks.largefov import SegmentationNetwork, SegmenterDescription
from mdc.runtime.errors import InputError
from mdc.runtime.logs import logger
from mdc.segmenter.losses import semi_loss, strong_loss
from mdc.segmenter.validation import masked_photos, validation_sample
from mdc.storage.image_tables import paths_of
from mdc.training.datasets import TrainingViews, fill_colour
from mdc.training.engine import Task, fit
from mdc.training.optimisation import Schedule


class SegmenterTask(Task):
    """Equation 2: equation 1 over images with pseudo masks, J_s over those with true ones; validated by mean IoU.

    Args:
        classes: number of classes C, background included.
        metric: name of the mean IoU on the images of the validation loader, `mdc.segmenter.validation.masked_photos`.
        loss_resolution: `network` takes the masks at the pixels on which features sit; `image` upsamples the scores.
        weak: whether there are images with pseudo masks; true masks never have an online term.
        online_term: whether the loss of these has the second term of equation 1.
        online_warmup_epochs: epochs without the online term; 0 in the paper.
    """

    def __init__(
        self,
        network: SegmentationNetwork,
        schedule: Schedule,
        *,
        classes: int,
        metric: str,
        loss_resolution: str,
        weak: bool,
        online_term: bool,
        online_warmup_epochs: int,
    ) -> None:
        super().__init__(network, schedule)
        self.metric = metric
        self.mean_iou = MulticlassJaccardIndex(classes, ignore_index=VOID, validate_args=False)
        self.loss_resolution = loss_resolution
        self.online_term = weak and online_term
        self.online_warmup_epochs = online_warmup_epochs

    def loss(self, batch: dict) -> Tensor:
        scores = self.outputs(batch).float()  # (N, C, h, w)
        masks, padding = batch["mask"], batch["padding"]
        grid = self.network.encoder.grid
        if self.loss_resolution == "network":
            at_features = slice(round(grid.offset), None, grid.stride)
            masks, padding = masks[:, at_features, at_features], padding[:, at_features, at_features]
            # one or the other has fewer where the view is no whole number of patches
            height, width = map(min, scores.shape[2:], masks.shape[1:])
            scores, masks = scores[..., :height, :width], masks[:, :height, :width]
            padding = padding[:, :height, :width]
        else:
            corners = grid.offset == 0  # where the outermost features sit, else in the middle of patches
            scores = functional.interpolate(scores, masks.shape[1:], mode="bilinear", align_corners=corners)
        if self.online_term and self.current_epoch >= self.online_warmup_epochs:
            return semi_loss(scores, masks, batch["tags"], padding, batch["strong"])
        return strong_loss(scores, masks)

    def on_validation_epoch_start(self) -> None:
        self.mean_iou.reset()

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        images, masks = batch
        scores = self.network(self.network.encoder.prepare(images))[0].float()
        height, width = masks.shape[1:]
        rounded = scores.cpu().numpy().astype(np.float16)  # as predictions are stored, so that the labels are theirs
        labels = self.network.encoder.grid.upsample(rounded, height=height, width=width).argmax(0)
        self.mean_iou.update(torch.from_numpy(labels).to(masks.device)[None], masks)

    def on_validation_epoch_end(self) -> None:
        self.metrics = {self.metric: self.mean_iou.compute().item()}  # over the images of all processes


def training_masks(
    train: pd.DataFrame, pseudo: Sequence[str] | None, strong: pd.DataFrame | None
) -> tuple[pd.DataFrame, list[str], list[bool]]:
    """Return the images to train on, the path of each one's mask, and whether it is a human mask.

    Args:
        train: manifest of the training images.
        pseudo: their pseudo masks; None for their true masks.
        strong: manifest of the images with human masks (equation 2). Those that are not among `train` come after it.
    """
    if pseudo is None:
        return train, list(train["mask"]), [True] * len(train)
    if strong is None:
        return train, list(pseudo), [False] * len(train)
    human = dict(zip(strong["id"], strong["mask"], strict=True))
    further = strong[~strong["id"].isin(train["id"])]
    table = pd.concat([train, further], ignore_index=True)
    of_image = dict(zip(train["id"], pseudo, strict=True)) | human
    return table, [of_image[image_id] for image_id in table["id"]], [image_id in human for image_id in table["id"]]


def _check_labelled(masks: Sequence[str], *, source: Path) -> None:
    """Raise `InputError` naming `source` if no mask has a labelled pixel, and warn if all that have are background.

    Masks are read until one shows a class, which is usually the first.
    """
    is_labelled = False
    for path in masks:
        mask = read_mask(Path(path))
        if ((mask != BACKGROUND) & (mask != VOID)).any():
            return
        is_labelled |= bool((mask != VOID).any())
    if not is_labelled:
        raise InputError(
            f"{source}: none of the {len(masks)} training masks has a labelled pixel, so nothing can be learnt: look "
            "at the saliency maps and lower masks.threshold, or look at the masks of your own"
        )
    logger.warning("%s: none of the %d training masks shows a class: all will become background", source, len(masks))


def train_segmenter(
    *,
    train_csv: Path,
    val_csv: Path | None,
    masks_csv: Path | None,
    strong_csv: Path | None,
    classifier_pt: Path | None,
    weights_pt: Path,
    description: SegmenterDescription,
    init: str,
    weights: str,
    augmentation: dict[str, Any],
    loss_resolution: str,
    online_term: bool,
    online_warmup_epochs: int,
    strong_share: float,
    training: dict[str, Any],
    seed: int,
    device: str,
    threads: int,
    code: str,
    gpus: int = 0,
    features: Sequence[Path] = (),
) -> None:
    """Train a segmenter and write what `mdc.training.engine.fit` does.

    Args:
        train_csv: manifest of the training images.
        val_csv: manifest of the images to validate on, see `mdc.segmenter.validation.validation_sample`; None where
            `strong_csv` has them.
        masks_csv: table of their pseudo masks; None trains on the manifest's true masks, without the online term.
        strong_csv: manifest of the images whose true masks are used instead (equation 2); None for none.
        classifier_pt: checkpoint from which `init: classifier` copies the encoder, else None.
        description: of the network.
        init, weights: see `mdc.networks.init_weights.start_network`.
        augmentation: crop_px, resize_long_side_px, flip and views of `mdc.training.datasets.TrainingViews`.
        loss_resolution, online_term, online_warmup_epochs: see `SegmenterTask`.
        strong_share: see `mdc.training.datasets.batches`.
        training: fields of `mdc.training.optimisation.Schedule`.
        device, threads, gpus: see `mdc.training.engine.fit`.
        code: fingerprint of the code; a training is not resumed by other code.
        features: files of a frozen encoder's features of the views, see `mdc.features`; empty for none.
    """
    network = start_network(description, seed=seed, init=init, weights=weights, classifier_pt=classifier_pt)
    schedule = Schedule(**training)
    network.encoder.hold(freeze=schedule.freeze, batch_norm=schedule.encoder_batch_norm)
    train = read_manifest(train_csv)
    weak = masks_csv is not None
    pseudo = paths_of(list(train["id"]), [masks_csv]) if weak else None
    table, masks, strong = training_masks(train, pseudo, read_manifest(strong_csv) if strong_csv else None)
    views = TrainingViews(
        ids=list(table["id"]),
        images=list(table["image"]),
        tags=tag_matrix(table, description.classes),
        masks=masks,
        strong=strong,
        seed=seed,
        fill=fill_colour(network.encoder),
        **augmentation,
    )
    _check_labelled(masks, source=masks_csv or train_csv)
    settings = {
        "init": init,
        "augmentation": augmentation,
        "weak": weak,
        "loss_resolution": loss_resolution,
        "online_term": online_term,
        "online_warmup_epochs": online_warmup_epochs,
        "strong": sum(strong) if weak else 0,
        "strong_share": strong_share,
        "training": training,
        "seed": seed,
        "code": code,
    }
    sample = validation_sample(read_manifest(val_csv) if val_csv else None, table, masks)
    if sample.split == "train":
        logger.info("val has no ground truth, or is learnt from: mIoU_train is of masks that are trained on")
    task = SegmenterTask(
        network,
        schedule,
        classes=len(description.classes) + 1,
        metric=sample.metric,
        loss_resolution=loss_resolution,
        weak=weak,
        online_term=online_term,
        online_warmup_epochs=online_warmup_epochs,
    )
    start = weights_file(weights) if weights else None
    fit(
        task,
        with_features(views, features, network.encoder),
        masked_photos(sample, classes=len(description.classes)),
        description=description,
        seed=seed,
        settings=settings,
        inputs=[path for path in (train_csv, val_csv, masks_csv, strong_csv, classifier_pt, start) if path],
        weights_pt=weights_pt,
        device=device,
        threads=threads,
        gpus=gpus,
        strong=[index for index, human in enumerate(strong) if human],
        strong_share=strong_share if strong_csv else 0,
    )
