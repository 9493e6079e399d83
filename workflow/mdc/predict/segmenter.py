"""The predict stage: a trained segmenter on new photos, from Python (`Segmenter`) or for a whole folder."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import torch
from PIL import Image

from mdc.crf import Parameters, refine, softmax
from mdc.data.decoding import bounded_rgb, is_plain, read_any_image
from mdc.data.images import as_plain_copy, write_plain
from mdc.data.labels import BACKGROUND
from mdc.data.mask_files import write_mask
from mdc.data.mask_sizes import enlarged
from mdc.data.whole_photos import as_tensor
from mdc.networks.checkpoints import load_network
from mdc.networks.grid import Grid
from mdc.networks.largefov import SegmentationNetwork, SegmenterDescription
from mdc.predict.overlays import overlay
from mdc.predict.photos import OWN_SIZE, read_photos
from mdc.predictions.inference import scores_of
from mdc.runtime.devices import torch_device
from mdc.runtime.files import write_whole
from mdc.runtime.memory import MORE_MEMORY, memory_faults_named
from mdc.runtime.parallel import map_in_order
from mdc.storage.image_tables import png_path

AREA_COLUMNS = ["id", "class", "pixels", "percent"]
MORE_MEMORY_OR_CPU = f"on a GPU set device: cpu, on a CPU {MORE_MEMORY}"


class Segmenter:
    """A trained segmenter: photos to masks, as in `Segmenter.load("weights.pt")("photo.jpg")`.

    Attributes:
        network: in evaluation mode; `encoder.grid` says where its scores sit.
        classes: names in the order of the mask indices, "background" first.
        max_side_px: longest side that the network sees, as in its training; larger photos are reduced for it.
        crf: parameters of the CRF that refines masks, None for none.
    """

    def __init__(
        self, network: SegmentationNetwork, *, classes: Sequence[str], max_side_px: int, crf: Parameters | None = None
    ) -> None:
        self.network = network.eval()
        self.classes, self.max_side_px, self.crf = tuple(classes), max_side_px, crf

    @classmethod
    def load(
        cls, weights_pt: str | Path, *, device: str = "auto", gpus: int = 0, crf: Mapping[str, float] | None = None
    ) -> Self:
        """Return the segmenter of a weights.pt that the segmenter stage wrote.

        Args:
            device: `auto`, `cpu` or `cuda`.
            gpus: see `mdc.runtime.devices.torch_device`.
            crf: the keys of the config section `crf`, to refine masks with; None leaves them as the network gives them.

        Raises:
            InputError: the file is missing, damaged or of something else than a segmenter.
        """
        network, description = load_network(Path(weights_pt), SegmenterDescription)
        return cls(
            network.to(torch_device(device, gpus=gpus)),
            classes=["background", *description.classes],
            max_side_px=description.max_side_px,
            crf=None if crf is None else Parameters(**crf),
        )

    def __call__(self, photo: str | Path | np.ndarray) -> np.ndarray:
        """Return the mask of a photo, uint8 (H, W) of indices into `classes`, at the photo's own size.

        `photo` is a file of any colour mode and rotation, whose mask is turned as a viewer shows the photo, or an
        image uint8 (H, W, 3), RGB. Raises `InputError` when a file cannot be read.
        """
        if not isinstance(photo, np.ndarray):
            image, seen = _read(Path(photo), max_side_px=self.max_side_px)
        elif photo.dtype == np.uint8 and photo.ndim == 3 and photo.shape[2] == 3 and photo.size:
            image, seen = photo, seen_by_network(photo, max_side_px=self.max_side_px)
        else:
            raise ValueError(f"an image is uint8 (H, W, 3), not {photo.dtype} {photo.shape}")
        height, width = image.shape[:2]
        return mask_of(
            seen, self.scores(seen), height=height, width=width, grid=self.network.encoder.grid, crf=self.crf
        )

    def scores(self, image: np.ndarray) -> np.ndarray:
        """Return the network's class scores (logits), float16 (C, h, w), of an image uint8 (H, W, 3), RGB.

        They lie on the grid of the image as the network sees it: `seen_by_network`.
        """
        seen = as_tensor(seen_by_network(image, max_side_px=self.max_side_px))
        return scores_of(self.network, seen.to(self.network.encoder.mean.device))


def seen_by_network(image: np.ndarray, *, max_side_px: int, plain: bool = True) -> np.ndarray:
    """Return an image uint8 (H, W, 3) as the network sees it: uint8 (h, w, 3), its long side at most `max_side_px`.

    An image that is not `plain` (`mdc.data.decoding.is_plain`), or is reduced, is compressed as its copy is in the data
    stage: the network learned from such copies, and a photo has the same mask here and where it is scored.
    """
    seen = bounded_rgb(Image.fromarray(image), max_side_px=max_side_px, source=Path("an image in memory"))
    return seen if plain and seen.shape == image.shape else as_plain_copy(seen)


def mask_of(
    seen: np.ndarray, scores: np.ndarray, *, height: int, width: int, grid: Grid, crf: Parameters | None
) -> np.ndarray:
    """Return the mask, uint8 (height, width), that class scores give a photo of that size.

    It is computed at the network's input size, to which the CRF's widths refer, and then enlarged.

    Args:
        seen: uint8 (h, w, 3), the photo as `seen_by_network` returns it.
        scores: float (C, h', w'), of `Segmenter.scores`.
        grid: of the network.
        crf: None takes the best class of every pixel.
    """
    at_its_size = grid.upsample(scores, height=seen.shape[0], width=seen.shape[1])
    mask = at_its_size.argmax(0).astype(np.uint8) if crf is None else refine(seen, softmax(at_its_size), crf)
    return enlarged(mask, height=height, width=width)


def areas(mask: np.ndarray, *, classes: int) -> list[tuple[int, float]]:
    """Return (pixels, percent of the mask) of every class index below `classes`."""
    pixels = np.bincount(mask.ravel(), minlength=classes).tolist()
    return [(count, 100 * count / mask.size) for count in pixels]


@memory_faults_named(MORE_MEMORY_OR_CPU)
def predict_photos(
    *,
    photos_csv: Path,
    weights_pt: Path,
    areas_csv: Path,
    masks: Path,
    overlays: Path,
    crf: dict[str, float] | None,
    device: str,
    processes: int,
    gpus: int = 0,
) -> None:
    """Write masks, overlays and areas of the photos that `mdc.predict.photos.list_photos` listed.

    Args:
        areas_csv: a row per photo and class, background first: id, class, pixels, percent (of the photo).
        masks: folder for a palette PNG <id>.png per photo, at its own size.
        overlays: folder for <id>.jpg, see `mdc.predict.overlays.overlay`.
        crf: the config section `crf`, None for masks without CRF.
        processes: for what follows the network; also its CPU threads.

    Raises:
        InputError: the weights are of no segmenter; a photo can no longer be read; memory ran out.
    """
    torch.set_num_threads(processes)
    segmenter = Segmenter.load(weights_pt, device=device, gpus=gpus, crf=crf)
    photos = read_photos(photos_csv)
    one = functools.partial(
        _write_one,
        max_side_px=segmenter.max_side_px,
        grid=segmenter.network.encoder.grid,
        crf=segmenter.crf,
        classes=segmenter.classes,
        masks=masks,
        overlays=overlays,
    )
    rows: list[tuple[str, str, int, float]] = []
    found = map_in_order(one, _scored(photos, segmenter), processes=processes, label="predict", total=len(photos))
    for id, of_classes in zip(photos, found, strict=True):
        rows += [
            (id, name, pixels, round(percent, 4))
            for name, (pixels, percent) in zip(segmenter.classes, of_classes, strict=True)
        ]
    write_whole(areas_csv, pd.DataFrame(rows, columns=AREA_COLUMNS).to_csv(index=False).encode())


def _scored(photos: Mapping[str, Path], segmenter: Segmenter) -> Iterator[tuple[str, Path, np.ndarray]]:
    # The photo itself is read again by the process that finishes it: large ones must not wait in memory.
    for id, path in photos.items():
        yield id, path, segmenter.scores(_read(path, max_side_px=segmenter.max_side_px)[1])


def _read(path: Path, *, max_side_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the photo in a file, uint8 (H, W, 3), and the same as the network sees it."""
    image = read_any_image(path, max_side_px=OWN_SIZE)
    plain = is_plain(path, max_side_px=OWN_SIZE)
    return image, seen_by_network(image, max_side_px=max_side_px, plain=plain)


def _write_one(
    item: tuple[str, Path, np.ndarray],
    *,
    max_side_px: int,
    grid: Grid,
    crf: Parameters | None,
    classes: Sequence[str],
    masks: Path,
    overlays: Path,
) -> list[tuple[int, float]]:
    id, path, scores = item
    image, seen = _read(path, max_side_px=max_side_px)
    mask = mask_of(seen, scores, height=image.shape[0], width=image.shape[1], grid=grid, crf=crf)
    found = areas(mask, classes=len(classes))
    write_mask(png_path(masks, id), mask)
    write_plain(overlays / f"{id}.jpg", overlay(image, mask, legend(found, classes)))
    return found


def legend(found: Sequence[tuple[int, float]], classes: Sequence[str]) -> list[tuple[int, str]]:
    """Return (class index, text) for every class that was found besides the background, given `areas`."""
    shown = [
        (index, f"{name} {percent:.1f} %" if percent >= 0.05 else f"{name} < 0.1 %")
        for index, (name, (pixels, percent)) in enumerate(zip(classes, found, strict=True))
        if index != BACKGROUND and pixels
    ]
    return shown or [(BACKGROUND, "nothing but background")]
