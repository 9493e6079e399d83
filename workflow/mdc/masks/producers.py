"""The interface of all producers of pseudo masks, and writing the masks of a shard.

To add a producer: a module of this package with a class that is a `Producer`, a rule in `workflow/rules/masks.smk` that
calls `write_masks` with it, and its name in `mdc.config.experiments`.
"""

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from mdc.cams.files import Cams, CamsInfo, cams_ids, cams_info, read_cams
from mdc.data.images import read_image
from mdc.data.manifest import tag_indices
from mdc.data.mask_files import read_mask, write_mask
from mdc.masks.fusion import fused_at_image_size
from mdc.runtime.errors import InputError
from mdc.runtime.hashes import file_digest
from mdc.runtime.parallel import map_in_order
from mdc.saliency.maps import read_saliency
from mdc.storage.image_tables import png_path, read_table, write_table


@dataclass(frozen=True, kw_only=True)
class ImageInputs:
    """The inputs of one image's pseudo mask. Pictures are read on first use.

    Attributes:
        id: of the image.
        size, own_size: height and width of the photo in pixels, as the networks see it and as it was before.
        class_ids: uint8 (T,), mask indices of the tagged classes, rising.
        photo_path, ground_truth_path, saliency_path: files of that size, empty where there is none.
        own_ground_truth_path: the true mask at the photo's own size, empty where there is none.
        external_mask_path: another method's mask, empty where there is none.
        cams, info: the localization maps, and what is common to all maps of their file; None without maps.
    """

    id: str
    size: tuple[int, int]
    own_size: tuple[int, int]
    class_ids: np.ndarray
    photo_path: str
    ground_truth_path: str = ""
    saliency_path: str = ""
    own_ground_truth_path: str = ""
    external_mask_path: str = ""
    cams: Cams | None = None
    info: CamsInfo | None = None

    def fused_maps(self, setting: str) -> np.ndarray:
        """Return the fused maps, float32 (T, H, W); `setting` is that of `mdc.masks.fusion.fuse`."""
        height, width = self.size
        return fused_at_image_size(
            self.cams.maps, setting=setting, names=self.info.blocks, grid=self.info.grid, height=height, width=width
        )

    def saliency(self) -> np.ndarray | None:
        """Return the saliency map, float32 (H, W) in 0..1; None without one."""
        return read_saliency(Path(self.saliency_path), size=self.size) if self.saliency_path else None

    def photo(self) -> np.ndarray:
        """Return the photo, uint8 (H, W, 3), RGB."""
        return read_image(Path(self.photo_path))

    def ground_truth(self, *, classes: int) -> np.ndarray:
        """Return the true mask, uint8 (H, W); `classes` is the largest index that a class can have."""
        return read_mask(Path(self.ground_truth_path), classes=classes, size=self.size)

    def own_ground_truth(self, *, classes: int) -> np.ndarray:
        """Return the true mask at the photo's own size, uint8; `classes` as of `ground_truth`."""
        return read_mask(Path(self.own_ground_truth_path), classes=classes)


class Producer(Protocol):
    """Makes the pseudo mask of an image. Instances are handed to worker processes, so they must be picklable."""

    def labels(self, image: ImageInputs) -> np.ndarray:
        """Return the mask: uint8 (H, W), class indices, 255 where unlabelled."""

    def scores(self, image: ImageInputs) -> np.ndarray:
        """Return what it is decided by, for producers that refine it: float32 (1 + T, H, W) in 0..1.

        How much speaks for the background and for each of the tagged classes.
        """


def images_with_maps(
    table: pd.DataFrame, cams_h5: Sequence[Path], *, saliency_csv: Path | None
) -> Iterator[ImageInputs]:
    """Yield the images of a manifest that files of maps have, in the order of these files.

    Args:
        table: manifest, or a part of it.
        saliency_csv: table of saliency maps; None without.

    Raises:
        InputError: a file is damaged, or an image has no saliency map.
    """
    rows = {row.id: row for row in table.itertuples()}
    saliency = read_table([saliency_csv]) if saliency_csv else {}
    for path in cams_h5:
        info = cams_info(path)
        for cams in read_cams(path, [image_id for image_id in cams_ids(path) if image_id in rows]):
            if saliency_csv and cams.id not in saliency:
                raise InputError(
                    f"{saliency_csv}: no saliency map of the image {cams.id} of {path}: remove the one that is wrong "
                    "and run the same command again"
                )
            row = rows[cams.id]
            yield ImageInputs(
                id=cams.id,
                size=(cams.height, cams.width),
                own_size=(row.own_height, row.own_width),
                class_ids=cams.class_ids,
                photo_path=row.image,
                ground_truth_path=row.mask,
                saliency_path=saliency.get(cams.id, ""),
                own_ground_truth_path=row.own_mask,
                cams=cams,
                info=info,
            )


def images_without_maps(table: pd.DataFrame, classes: Sequence[str]) -> Iterator[ImageInputs]:
    """Yield the images of a manifest, or of a part of it, for producers that need no maps."""
    for row in table.itertuples():
        yield ImageInputs(
            id=row.id,
            size=(row.height, row.width),
            own_size=(row.own_height, row.own_width),
            class_ids=np.array(tag_indices(row.tags, classes), np.uint8),
            photo_path=row.image,
            ground_truth_path=row.mask,
            own_ground_truth_path=row.own_mask,
        )


def write_masks(
    producer: Producer,
    images: Iterable[ImageInputs],
    *,
    total: int,
    masks_csv: Path,
    folder: Path,
    label: str,
    processes: int,
) -> None:
    """Write a palette PNG `folder`/<id>.png of every image, and the table of them to `masks_csv`.

    Args:
        total: number of images.
        label: of the progress.

    Raises:
        InputError: raised by the images or the producer.
    """
    one = functools.partial(_write_one, producer=producer, folder=folder)
    write_table(list(map_in_order(one, images, processes=processes, label=label, total=total)), masks_csv)


def _write_one(image: ImageInputs, *, producer: Producer, folder: Path) -> tuple[str, str, str]:
    path = png_path(folder, image.id)
    write_mask(path, producer.labels(image))
    return image.id, str(path), file_digest(path)


def count_images(cams_h5: Sequence[Path]) -> int:
    """Return the number of images in files of maps."""
    return sum(len(cams_ids(path)) for path in cams_h5)


def one_hot(labels: np.ndarray, class_ids: np.ndarray) -> np.ndarray:
    """Return a mask as scores, float32 (1 + T, H, W): 1 where it has the class, else 0, everywhere where unlabelled."""
    indices: list[Any] = [0, *class_ids.tolist()]
    return np.stack([labels == index for index in indices]).astype(np.float32)
