"""The producer `external`: masks that another method made."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mdc.data.manifest import read_manifest
from mdc.data.mask_files import read_mask
from mdc.data.mask_sizes import nearest
from mdc.masks.producers import ImageInputs, images_without_maps, one_hot, write_masks
from mdc.runtime.errors import InputError, listing
from mdc.runtime.parallel import map_in_order
from mdc.storage.image_tables import png_path
from mdc.storage.shards import shard_of


@dataclass(frozen=True)
class ExternalMasks:
    """The masks `folder`/<id>.png: palette PNGs as VOC's, 0 background, 1 to `classes`, 255 unlabelled.

    They have the photo's own size, from which they are reduced as true masks are, or that of the reduced photo.
    """

    folder: Path
    classes: int

    def labels(self, image: ImageInputs) -> np.ndarray:
        path = png_path(self.folder, image.id)
        mask = read_mask(path, classes=self.classes, size=image.own_size, reduced=image.size)
        return nearest(mask, height=image.size[0], width=image.size[1])

    def scores(self, image: ImageInputs) -> np.ndarray:
        return one_hot(self.labels(image), image.class_ids)


def copy_masks(
    *,
    split_csv: Path,
    external_folder: Path,
    masks_csv: Path,
    folder: Path,
    classes: Sequence[str],
    shard: int,
    shards: int,
    processes: int,
) -> None:
    """Copy the masks of a shard of a split's images after checking them all; see `mdc.masks.producers.write_masks`.

    Raises:
        InputError: masks are missing, of another size or have other indices; lists them all.
    """
    producer = ExternalMasks(external_folder, len(classes))
    images = list(images_without_maps(shard_of(read_manifest(split_csv), shard, shards), classes))
    check = functools.partial(_problem, producer=producer)
    problems = list(filter(None, map_in_order(check, images, processes=processes, label="check masks")))
    if problems:
        raise InputError(listing(f"masks.external_masks, {len(problems)} masks cannot be used:", problems))
    write_masks(
        producer,
        images,
        total=len(images),
        masks_csv=masks_csv,
        folder=folder,
        label="copy_masks",
        processes=processes,
    )


def _problem(image: ImageInputs, *, producer: ExternalMasks) -> str:
    try:
        producer.labels(image)
    except InputError as error:
        return str(error)
    return ""
