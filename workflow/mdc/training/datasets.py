"""Random views of photos and masks for training, and the order in which they come."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from mdc.data.images import read_image
from mdc.data.mask_files import read_mask
from mdc.data.whole_photos import as_tensor
from mdc.networks.encoder import Encoder
from mdc.training.augmentation import augmented

FEATURES = "features"  # of an item: of its image, float16 or float32 (h, w, channels)


class TrainingViews(Dataset):
    """Random views of photos, of their tags and, if there are any, of their masks.

    Items are indexed by (epoch, index), and their randomness depends only on the seed and these two: neither
    the number of worker processes nor an interruption changes what is seen.

    Args:
        ids, images: of the N photos.
        tags: float32 (N, K), 1 for the classes that a photo is tagged with.
        masks: paths of N palette PNGs, or None.
        strong: which of the N masks are human ones; none by default.
        seed: of the run.
        crop_px, resize_long_side_px, flip, fill: see `mdc.training.augmentation.augmented`.
        views: of each photo, which come again and again, the same for all seeds; of them, every second one is mirrored
            if `flip`. 0: new ones in every epoch.
    """

    def __init__(
        self,
        *,
        ids: Sequence[str],
        images: Sequence[str],
        tags: np.ndarray,
        masks: Sequence[str] | None,
        seed: int,
        crop_px: int,
        resize_long_side_px: Sequence[int],
        flip: bool,
        fill: tuple[int, int, int],
        views: int = 0,
        strong: Sequence[bool] = (),
    ) -> None:
        self.ids, self.images, self.tags, self.seed = _shared(ids), _shared(images), tags, seed
        self.masks = None if masks is None else _shared(masks)
        self.strong = strong or [False] * len(ids)
        self.views = views
        self.view = {"crop_px": crop_px, "resize_long_side_px": resize_long_side_px, "flip": flip, "fill": fill}

    def __len__(self) -> int:
        return len(self.ids)

    def view_of(self, key: tuple[int, int]) -> int:
        """Return the number of the view, below `views`, that an item shows of its photo."""
        epoch, index = key
        return (epoch + index) % self.views

    def __getitem__(self, key: tuple[int, int]) -> dict:
        """Return id; image uint8 (3, S, S); tags (K,); padding bool (S, S); with masks: mask int64 (S, S), strong."""
        epoch, index = key
        if self.views:
            return self.fixed_view(index, self.view_of(key))
        photo, mask = self._photo_and_mask(index)
        return self._item(index, augmented(photo, mask, rng=np.random.default_rng([self.seed, *key]), **self.view))

    def fixed_view(self, index: int, number: int) -> dict:
        """Return the item that shows view `number` of a photo, below `views`."""
        photo, mask = self._photo_and_mask(index)
        if self.view["flip"] and number % 2:
            photo, mask = photo[:, ::-1], None if mask is None else mask[:, ::-1]
        rng = np.random.default_rng([number, *self.ids[index].encode()])
        return self._item(index, augmented(photo, mask, rng=rng, **self.view | {"flip": False}))

    def _photo_and_mask(self, index: int) -> tuple[np.ndarray, np.ndarray | None]:
        photo = read_image(Path(self.images[index]))
        if self.masks is None:
            return photo, None
        return photo, read_mask(Path(self.masks[index]), classes=self.tags.shape[1], size=photo.shape[:2])

    def _item(self, index: int, view: tuple[np.ndarray, np.ndarray | None, np.ndarray]) -> dict:
        image, mask, padding = view
        item = {
            "id": self.ids[index],
            "image": as_tensor(image),
            "tags": torch.from_numpy(self.tags[index]),
            "padding": torch.from_numpy(padding),
        }
        if mask is not None:
            item["mask"] = torch.from_numpy(mask.astype(np.int64))
            item["strong"] = torch.tensor(self.strong[index])
        return item


def _shared(texts: Sequence[str]) -> np.ndarray:
    """Return texts as one array, whose elements are str.

    Looking at a str of a list writes to it, its count of references, so that in the end every worker process would have
    a copy of a million of them.
    """
    return np.array(list(texts), dtype=np.dtypes.StringDType())


def batches(
    *,
    images: int,
    batch_size: int,
    micro_batches: int,
    seed: int,
    epoch: int,
    strong: Sequence[int] = (),
    strong_share: float = 0,
    rank: int = 0,
    ranks: int = 1,
) -> Iterator[list]:
    """Yield the (epoch, index) keys of one epoch, shuffled, a list per micro-batch.

    Only full batches are made, the rest of the images waits for another epoch; with fewer images than `batch_size`
    all of them make one batch. `micro_batches` of them are accumulated to one step.

    Args:
        rank, ranks: of `ranks` processes that share every batch, the one to whose part the keys belong. All of them
            have as many micro-batches, if `micro_batches` times `ranks` is at most `batch_size`.
        strong: indices of the images with human masks.
        strong_share: of them in every batch, at least one image of either kind; there are as many batches as without,
            and the images of each kind come again, in another order, when all have been seen. 0: all images alike.
    """
    rng = np.random.default_rng([seed, epoch])
    size = min(batch_size, images)
    weak = np.setdiff1d(np.arange(images), strong)
    if strong_share and len(strong) and len(weak) and size > 1:
        count = min(max(round(strong_share * size), 1), size - 1)
        order = _mixed(rng, np.array(strong), weak, count=count, size=size, steps=images // size)
    else:
        order = rng.permutation(images)
    for start in range(0, images - size + 1, size):
        own = np.array_split(order[start : start + size], ranks)[rank]
        for part in np.array_split(own, min(micro_batches, len(own))):
            yield [(epoch, int(index)) for index in part]


def _mixed(
    rng: np.random.Generator, strong: np.ndarray, weak: np.ndarray, *, count: int, size: int, steps: int
) -> np.ndarray:
    """Return an order of images in which every `size` have `count` of `strong`, at random places."""

    def drawn(indices: np.ndarray, needed: int) -> np.ndarray:
        rounds = -(-needed // len(indices))
        return np.concatenate([rng.permutation(indices) for _ in range(rounds)])[:needed]

    parts = drawn(strong, steps * count).reshape(steps, count), drawn(weak, steps * (size - count))
    joined = np.concatenate([parts[0], parts[1].reshape(steps, size - count)], axis=1)
    return rng.permuted(joined, axis=1).ravel()


def fill_colour(encoder: Encoder) -> tuple[int, int, int]:
    """Return the mean colour, RGB in 0..255, with which views are padded: 0 once standardised."""
    red, green, blue = (round(value) for value in encoder.mean.flatten().tolist())
    return red, green, blue
