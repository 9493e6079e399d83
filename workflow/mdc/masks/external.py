"""The producer `external`: masks that another method made."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mdc.data.manifest import read_manifest
from mdc.data.mask_files import LoadedMask, load_mask
from mdc.data.mask_sizes import nearest
from mdc.data.picture_folders import PictureFolder
from mdc.data.set_checks import Labels, label_fault
from mdc.data.voc_layout import MASK_ENDING
from mdc.masks.producers import ImageInputs, images_without_maps, one_hot, write_masks
from mdc.runtime.errors import InputError, listing
from mdc.runtime.parallel import map_in_order
from mdc.storage.shards import shard_of


@dataclass(frozen=True)
class ExternalMasks:
    """Masks with 0 for background, 1 to `classes`, 255 unlabelled; see `load_mask`.

    They have the photo's own size, from which they are reduced as true masks are, or that of the reduced photo.
    """

    classes: int

    def load(self, image: ImageInputs) -> LoadedMask:
        """Return the mask as the file has it."""
        path = Path(image.external_mask_path)
        return load_mask(path, classes=self.classes, size=image.own_size, reduced=image.size)

    def labels(self, image: ImageInputs) -> np.ndarray:
        return nearest(self.load(image).mask, height=image.size[0], width=image.size[1])

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

    They are `external_folder`/<id>.png or <id>_mask.png.

    Raises:
        InputError: masks are missing, of another size or have other indices, and lists them all; or the indices of the
            shard's masks cannot be those of `classes`, see `mdc.data.set_checks`.
    """
    producer = ExternalMasks(len(classes))
    theirs = PictureFolder(external_folder, ending=MASK_ENDING)
    images = [
        replace(image, external_mask_path=str(theirs.path(image.id)))
        for image in images_without_maps(shard_of(read_manifest(split_csv), shard, shards), classes)
    ]
    check = functools.partial(_checked, producer=producer)
    checked = list(map_in_order(check, images, processes=processes, label="check masks"))
    problems = [one for one in checked if isinstance(one, str)]
    if problems:
        raise InputError(listing(f"masks.external_masks, {len(problems)} masks cannot be used:", problems))
    fault = label_fault(checked, classes)
    if fault:
        raise InputError(f"masks.external_masks, {external_folder}: {fault}")
    write_masks(
        producer,
        images,
        total=len(images),
        masks_csv=masks_csv,
        folder=folder,
        label="copy_masks",
        processes=processes,
    )


def _checked(image: ImageInputs, *, producer: ExternalMasks) -> Labels | str:
    """Return the classes of an image's tags and mask, or what is wrong with the mask."""
    try:
        loaded = producer.load(image)
    except InputError as error:
        return str(error)
    return Labels.of(image.class_ids.tolist(), loaded)
