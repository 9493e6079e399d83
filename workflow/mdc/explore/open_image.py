"""One image with all that a run has of it. Pictures are read on first use, and kept while it is open."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from mdc.cams.files import cams_info, read_cams
from mdc.crf import softmax
from mdc.data.manifest import photo_digest, tag_indices
from mdc.data.mask_files import read_mask
from mdc.data.mask_sizes import nearest
from mdc.explore.runs import Run
from mdc.masks.producers import ImageInputs
from mdc.predictions.files import read_scores, scores_grid
from mdc.runtime.errors import InputError

T = TypeVar("T")
TRUTH = "truth"  # in addresses: the true mask


@dataclass
class OpenImage:
    """An image of a run, with the localization maps `cams` and the saliency maps `source`, each empty for none.

    Attributes:
        inputs: what masks of it are made of. The maps are absent where `cams` is empty.
    """

    run: Run
    split: str
    inputs: ImageInputs
    _kept: dict[Any, Any] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def keep(self, make: Callable[[], T], *key: Any, only_newest: bool = False) -> T:
        """Return `make()`, which is called once for a `key`; errors are not kept.

        With `only_newest`, other keys with the same first part are dropped.
        """
        with self._lock:
            if key not in self._kept:
                if only_newest:
                    self._kept = {other: kept for other, kept in self._kept.items() if other[0] != key[0]}
                self._kept[key] = make()
            return self._kept[key]

    @property
    def classes(self) -> int:
        """The number of foreground classes."""
        return len(self.run.classes())

    @property
    def has_truth(self) -> bool:
        """Whether there is a true mask."""
        return bool(self.inputs.ground_truth_path)

    def photo(self) -> np.ndarray:
        """Return the photo as the networks see it, uint8 (H, W, 3)."""
        return self.inputs.photo()

    def saliency(self) -> np.ndarray:
        """Return the saliency, float32 (H, W) in 0..1."""
        if not self.inputs.saliency_path:
            raise InputError(f"{self.inputs.id}: no saliency map yet")
        return self.keep(self.inputs.saliency, "saliency")

    def fused_maps(self, setting: str) -> np.ndarray:
        """Return the maps of all tagged classes in a map setting, float32 (T, H, W); see `mdc.masks.fusion.fuse`."""
        if self.inputs.cams is None:
            raise InputError(f"{self.inputs.id}: no localization maps yet")
        if setting not in (*self.inputs.info.blocks, "fusion", "mean"):
            raise InputError(f"unknown maps {setting}; known: {', '.join(self.inputs.info.blocks)}, fusion, mean")
        return self.keep(lambda: self.inputs.fused_maps(setting), "maps", setting)

    def truth(self) -> np.ndarray:
        """Return the true mask at the size of the photo, uint8 (H, W)."""
        if not self.has_truth:
            raise InputError(f"{self.inputs.id}: no true mask")
        return self.keep(lambda: self.inputs.ground_truth(classes=self.classes), "truth")

    def own_truth(self) -> np.ndarray:
        """Return the true mask by which scores go, at the original photo's own size, uint8."""
        if not self.has_truth:
            raise InputError(f"{self.inputs.id}: no true mask")
        return self.keep(lambda: self.inputs.own_ground_truth(classes=self.classes), "own truth")

    def mask(self, key: str) -> np.ndarray:
        """Return a mask of the run, `TRUTH` or the key of a result, at the size of the photo: uint8 (H, W)."""
        if key == TRUTH:
            return self.truth()
        return mask_at_size(self.run, key, self.split, self.inputs.id, self.inputs.size)

    def probabilities(self, key: str) -> np.ndarray:
        """Return the class probabilities of the segmenter whose predictions lie at `key`: float32 (C, H, W)."""
        return self.keep(lambda: self._probabilities(key), "probabilities", key)

    def _probabilities(self, key: str) -> np.ndarray:
        path = self.run.store_of(key, self.split, self.inputs.id)
        (scores,) = read_scores(path, [self.inputs.id])
        if (scores.height, scores.width) != self.inputs.size:
            raise InputError(f"{path}: the scores of {self.inputs.id} are of another size than its photo: run again")
        return softmax(scores.at_image_size(scores_grid(path)))


def image_row(run: Run, split: str, image_id: str) -> Any:
    """Return the manifest's row of an image; raises InputError if there is none."""
    images = run.images(split)
    if image_id not in images.index:
        raise InputError(f"{split} of {run.name} has no image {image_id}")
    return images.loc[image_id]


def check_same_photo(mine: Run, other: Run, split: str, image_id: str) -> None:
    """Check that the masks of another run may be compared with this one's, if both have an image of this id.

    Of photos that the runs reduced to different sizes, only the size before that is compared.

    Raises:
        InputError: the runs use the id for different photos.
    """
    tables = mine.images(split), other.images(split)
    if not all(image_id in table.index for table in tables):
        return
    first, second = (table.at[image_id, "digest"] for table in tables)
    if first == second:
        return
    first, second = (table.loc[image_id] for table in tables)  # the digests differ as well if only the true masks do
    is_same = (first.own_height, first.own_width) == (second.own_height, second.own_width)
    if is_same and (first.height, first.width) == (second.height, second.width):
        is_same = _photo_digest(mine.located(first.image)) == _photo_digest(other.located(second.image))
    if not is_same:
        raise InputError(f"{image_id} of {split} is another photo in {other.name} than in {mine.name}: not compared")


def _photo_digest(path: Path) -> str:
    try:
        return photo_digest(path, None)
    except OSError as error:
        raise InputError(f"{path}: the photo cannot be read ({error})") from error


def files_elsewhere(run: Run, split: str, image_id: str, keys: Iterable[str] = ()) -> list[str]:
    """Return a sentence per file of an image that lies in another run's folder only, or why its tables cannot be read.

    The files are the photo, the true masks and the pictures below the folders `keys`; nothing of an unknown image.
    """
    try:
        images = run.images(split)
        if image_id not in images.index:
            return []
        named = [images.at[image_id, column] for column in ("image", "mask", "own_mask")]
        named += [run.pictures(key, split).get(image_id, "") for key in keys]
    except InputError as error:
        return [str(error)]
    return list(dict.fromkeys(filter(None, map(run.elsewhere, filter(None, named)))))


def open_image(run: Run, split: str, image_id: str, *, cams: str, source: str) -> OpenImage:
    """Open an image of a split.

    Args:
        cams: key of the localization maps; empty for none.
        source: of the saliency maps; empty or `none` for none.

    Raises:
        InputError: there is no such image, or its maps are missing or damaged.
    """
    row = image_row(run, split, image_id)
    found = saliency_path(run, split, image_id, source)
    inputs = ImageInputs(
        id=image_id,
        size=(int(row.height), int(row.width)),
        own_size=(int(row.own_height), int(row.own_width)),
        class_ids=np.array(tag_indices(row.tags, run.classes()), np.uint8),
        photo_path=str(run.located(row.image)),
        ground_truth_path=str(run.located(row["mask"])) if row["mask"] else "",
        saliency_path=found,
        own_ground_truth_path=str(run.located(row.own_mask)) if row.own_mask else "",
    )
    if not cams:
        return OpenImage(run, split, inputs)
    path = run.store_of(cams, split, image_id)
    (maps,) = read_cams(path, [image_id])
    inputs = replace(inputs, size=(maps.height, maps.width), class_ids=maps.class_ids, cams=maps, info=cams_info(path))
    return OpenImage(run, split, inputs)


def saliency_path(run: Run, split: str, image_id: str, source: str) -> str:
    """Return the path of an image's saliency map; empty without a source."""
    return str(run.picture(f"saliency/{source}", split, image_id)) if source not in ("", "none") else ""


def mask_at_size(run: Run, key: str, split: str, image_id: str, size: tuple[int, int]) -> np.ndarray:
    """Return the mask of an image in the result at `key`, each pixel the nearest label: uint8 of `size` (H, W).

    Raises:
        InputError: there is none, or it is damaged.
    """
    mask = read_mask(run.picture(key, split, image_id), classes=len(run.classes()))
    return nearest(mask, height=size[0], width=size[1])
