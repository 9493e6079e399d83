"""The crf stage: fully connected CRF on the class scores (paper §4.3; Krähenbühl & Koltun 2011)."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydensecrf.densecrf import DenseCRF2D
from pydensecrf.utils import unary_from_softmax

from mdc.data.images import read_image
from mdc.data.manifest import read_manifest
from mdc.data.mask_files import write_mask
from mdc.data.mask_sizes import enlarged
from mdc.networks.grid import Grid
from mdc.predictions.files import Scores, read_scores, scores_grid, scores_ids
from mdc.runtime.errors import InputError
from mdc.runtime.hashes import file_digest
from mdc.runtime.parallel import map_in_order
from mdc.storage.image_tables import png_path, write_table


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Of the CRF; the fields are the config section `crf`, explained there."""

    iterations: int
    gaussian_weight: float
    gaussian_sxy: float
    bilateral_weight: float
    bilateral_sxy: float
    bilateral_srgb: float
    min_probability: float


def softmax(scores: np.ndarray) -> np.ndarray:
    """Return probabilities (C, H, W) of logits (C, H, W)."""
    raised = np.exp(scores - scores.max(0))
    return raised / raised.sum(0)


def refine(image: np.ndarray, probabilities: np.ndarray, parameters: Parameters) -> np.ndarray:
    """Return the mask that a dense CRF makes of class probabilities.

    Classes whose probability reaches `min_probability` nowhere are left out: the time is nearly proportional to the
    number of classes.

    Args:
        image: uint8 (H, W, 3), RGB.
        probabilities: float32 (C, H, W).

    Returns:
        uint8 (H, W), class indices.
    """
    kept = np.flatnonzero(probabilities.max((1, 2)) >= parameters.min_probability)
    if len(kept) < 2:
        return probabilities.argmax(0).astype(np.uint8)
    height, width = image.shape[:2]
    field = DenseCRF2D(width, height, len(kept))
    field.setUnaryEnergy(unary_from_softmax(np.ascontiguousarray(probabilities[kept])))
    field.addPairwiseGaussian(sxy=parameters.gaussian_sxy, compat=parameters.gaussian_weight)
    field.addPairwiseBilateral(
        sxy=parameters.bilateral_sxy,
        srgb=parameters.bilateral_srgb,
        rgbim=np.ascontiguousarray(image),
        compat=parameters.bilateral_weight,
    )
    labels = np.array(field.inference(parameters.iterations)).reshape(len(kept), height, width).argmax(0)
    return kept[labels].astype(np.uint8)


def _refine_one(
    item: tuple[Scores, str, tuple[int, int]], *, grid: Grid, parameters: Parameters, folder: Path
) -> tuple[str, str, str]:
    scores, image, (height, width) = item
    photo = read_image(Path(image))
    if photo.shape[:2] != (scores.height, scores.width):
        raise InputError(
            f"{image}: is {photo.shape[1]} x {photo.shape[0]} pixels, but its class scores are of {scores.width} x "
            f"{scores.height}: run the data stage again"
        )
    mask = refine(photo, softmax(scores.at_image_size(grid)), parameters)
    path = png_path(folder, scores.id)
    write_mask(path, enlarged(mask, height=height, width=width))
    return scores.id, str(path), file_digest(path)


def apply_crf(
    *, split_csv: Path, scores_h5: Path, masks_csv: Path, folder: Path, parameters: dict[str, Any], processes: int
) -> None:
    """Write a palette PNG per image of the scores file into `folder`, refined by the CRF, and their table.

    `split_csv` is the manifest, `parameters` the fields of `Parameters`. The CRF sees the photo as the network does,
    for which its widths are meant; the PNGs have the photo's own size.

    Raises:
        InputError: the scores file is damaged, or a photo cannot be read.
    """
    table = read_manifest(split_csv)
    own_sizes = zip(table["own_height"], table["own_width"], strict=True)
    photos = dict(zip(table["id"], zip(table["image"], own_sizes, strict=True), strict=True))
    one = functools.partial(
        _refine_one,
        grid=scores_grid(scores_h5),
        parameters=Parameters(**parameters),
        folder=folder,
    )
    ids = scores_ids(scores_h5)
    unknown = [image_id for image_id in ids if image_id not in photos]
    if unknown:
        raise InputError(
            f"{scores_h5}: the image {unknown[0]} is not in {split_csv}: remove it and run the same command again"
        )
    items = ((scores, *photos[scores.id]) for scores in read_scores(scores_h5))
    total = len(ids)
    write_table(list(map_in_order(one, items, processes=processes, label="apply_crf", total=total)), masks_csv)
