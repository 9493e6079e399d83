"""Whole photos of a manifest, one by one, for maps and scores."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mdc.data.images import read_image
from mdc.data.manifest import tag_matrix


class WholePhotos(Dataset):
    """Whole photos at their own size, with their tags."""

    def __init__(self, *, images: Sequence[str], tags: np.ndarray) -> None:
        self.images, self.tags = images, tags

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Return the photo, uint8 (3, H, W), and its tags, float32 (K,)."""
        return as_tensor(read_image(Path(self.images[index]))), torch.from_numpy(self.tags[index])


def as_tensor(image: np.ndarray) -> Tensor:
    """Return an image (H, W, 3) as (3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def whole_photos(table: pd.DataFrame, classes: Sequence[str]) -> DataLoader:
    """Return a loader of the photos of a manifest one by one: (image uint8 (1, 3, H, W), tags (1, K))."""
    return DataLoader(WholePhotos(images=list(table["image"]), tags=tag_matrix(table, classes)), batch_size=1)
