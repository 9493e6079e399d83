"""The validation sample of a segmenter's training: a fixed set of whole photos with masks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mdc.data.images import read_image
from mdc.data.mask_files import read_mask
from mdc.data.whole_photos import as_tensor

IMAGES = 100  # at most: the curve costs seconds an epoch; of all images of a split, the stage `scores` has the mean IoU


@dataclass(frozen=True)
class Sample:
    """Photos and the masks to compare with, of `split`: ground truth of val, or what is learnt from of train."""

    split: str
    images: Sequence[str]
    masks: Sequence[str]

    @property
    def metric(self) -> str:
        """The name of the column in metrics.csv."""
        return f"mIoU_{self.split}"


def validation_sample(val: pd.DataFrame | None, train: pd.DataFrame, masks: Sequence[str]) -> Sample:
    """Return at most `IMAGES` photos, evenly spaced: of val with ground truth, else of the training images.

    The training images say how well the masks are learnt that they were given, and not whether these are right.

    Args:
        val: manifest of val; None where its ground truth is learnt from.
        train: the training images.
        masks: the mask that each of them is trained on.
    """
    with_truth = pd.DataFrame() if val is None else val[val["mask"] != ""]
    if len(with_truth):
        split, images, masks = "val", list(with_truth["image"]), list(with_truth["mask"])
    else:
        split, images = "train", list(train["image"])
    chosen = np.linspace(0, len(images) - 1, min(IMAGES, len(images))).round().astype(int)
    return Sample(split, [images[place] for place in chosen], [masks[place] for place in chosen])


class MaskedPhotos(Dataset):
    """Whole photos at their own size, with their masks."""

    def __init__(self, sample: Sample, *, classes: int) -> None:
        self.sample, self.classes = sample, classes

    def __len__(self) -> int:
        return len(self.sample.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Return the photo, uint8 (3, H, W), and its mask, int64 (H, W)."""
        photo = read_image(Path(self.sample.images[index]))
        mask = read_mask(Path(self.sample.masks[index]), classes=self.classes, size=photo.shape[:2])
        return as_tensor(photo), torch.from_numpy(mask.astype(np.int64))


def masked_photos(sample: Sample, *, classes: int) -> DataLoader:
    """Return a loader of the photos one by one: (image uint8 (1, 3, H, W), mask int64 (1, H, W)); K = `classes`."""
    return DataLoader(MaskedPhotos(sample, classes=classes), batch_size=1)
