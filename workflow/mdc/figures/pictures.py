"""What contact sheets and figures show: which images, and their maps and masks as pictures."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd

from mdc.cams.files import Cams, CamsInfo, cams_ids, cams_info, read_cams
from mdc.data.labels import PALETTE, VOID
from mdc.data.mask_files import read_mask
from mdc.data.mask_sizes import nearest
from mdc.masks.fusion import fused_at_image_size

VOID_SHADE = 235  # unlabelled pixels are drawn light grey: the palette's own colour for 255 is nearly that of a class


def coloured(mask: np.ndarray) -> np.ndarray:
    """Return a mask uint8 (H, W) in the VOC colours, unlabelled pixels light grey: uint8 (H, W, 3)."""
    colours = PALETTE.copy()
    colours[VOID] = VOID_SHADE
    return colours[mask]


def read_mask_beside(photo: np.ndarray, path: Path) -> np.ndarray:
    """Return a mask at the size of the photo (H, W, 3) beside which it is drawn: uint8 (H, W).

    Predictions have the photo's own size, which may be many times that of the copy that is drawn.
    """
    return nearest(read_mask(path), height=photo.shape[0], width=photo.shape[1])


def overlaid(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Return the photo with a map (H, W) in 0..1 drawn over it: uint8 (H, W, 3)."""
    colours = 255 * matplotlib.colormaps["jet"](np.clip(heat, 0, 1))[..., :3]
    return (0.5 * image + 0.5 * colours).astype(np.uint8)


def read_scores(images_csv: Path) -> pd.DataFrame:
    """Return each image's scores as `score_masks` wrote them: columns id, miou, pixel_accuracy in 0..1."""
    empty = {"miou": "", "pixel_accuracy": ""}  # and nowhere else: an id may be "NA"
    return pd.read_csv(images_csv, dtype={"id": str}, keep_default_na=False, na_values=empty)


def chosen_images(
    scores: pd.DataFrame, *, each: int, by: str = "miou", kinds: Sequence[str] = ("best", "median", "worst")
) -> list[tuple[str, str]]:
    """Return (kind, id) of the best, the median and the worst images by a column, `each` of every kind, best first.

    Images without a score, such as those all of whose pixels are void, are left out.
    With fewer than `3 * each` images every one of them is shown once.
    """
    ranked = list(scores.dropna(subset=[by]).sort_values([by, "id"], ascending=[False, True])["id"])
    if len(ranked) <= 3 * each:
        return [("", image_id) for image_id in ranked]
    middle = (len(ranked) - each) // 2
    parts = ranked[:each], ranked[middle : middle + each], ranked[-each:]
    return [(kind, image_id) for kind, ids in zip(kinds, parts, strict=True) for image_id in ids]


def find_cams(ids: Sequence[str], files: Sequence[Path]) -> dict[str, tuple[Cams, CamsInfo]]:
    """Return id -> localization maps of those of `ids` that are in `files`, all shards, with what their file says."""
    found = {}
    for path in files:
        inside, info = set(cams_ids(path)), cams_info(path)
        wanted = [image_id for image_id in ids if image_id in inside]
        found |= {cams.id: (cams, info) for cams in read_cams(path, wanted)}
    return found


def map_cells(photo: np.ndarray, cams: Cams, info: CamsInfo, setting: str) -> dict[str, np.ndarray]:
    """Return map -> photo with that map over it, uint8 (H, W, 3): of every block and of the map setting `setting`.

    Each class's map is taken relative to its own maximum; per pixel the highest of the classes is shown.
    """
    cells = {}
    for name in dict.fromkeys([*info.blocks, setting]):
        fused = fused_at_image_size(
            cams.maps, setting=name, names=info.blocks, grid=info.grid, height=cams.height, width=cams.width
        )
        peaks = fused.max((1, 2), keepdims=True, initial=0)
        cells[name] = overlaid(photo, (fused / np.where(peaks > 0, peaks, 1)).max(0, initial=0))
    return cells
