"""The true masks' objects as saliency maps: the output of a perfect saliency model."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from mdc.data.labels import BACKGROUND, VOID
from mdc.data.mask_files import read_mask
from mdc.runtime.errors import InputError
from mdc.runtime.files import written_whole
from mdc.runtime.hashes import file_digest
from mdc.runtime.parallel import map_in_order
from mdc.storage.image_tables import COLUMNS, png_path

SALIENT, UNKNOWN = 255, 128


def true_objects(mask: np.ndarray) -> np.ndarray:
    """Return the saliency of a true mask, uint8 (H, W): 255 on objects of any class, 128 where it is void, 0 elsewhere.

    Void is neither surely background nor surely object, so it lies above `background_saliency_below` and below 255.
    """
    saliency = np.where(mask == BACKGROUND, 0, SALIENT).astype(np.uint8)
    saliency[mask == VOID] = UNKNOWN
    return saliency


def write_true_objects(table: pd.DataFrame, *, folder: Path, processes: int) -> pd.DataFrame:
    """Write the map of every image of a manifest to `folder`/id.png; return the table of `write_saliency`.

    Raises:
        InputError: an image has no true mask.
    """
    lacking = list(table["id"][table["mask"] == ""])
    if lacking:
        raise InputError(
            f"saliency.source: {len(lacking)} of {len(table)} images have no true mask, which source ground_truth "
            f"needs; the first is {lacking[0]}: take rbd, a folder of maps or none"
        )
    items = list(zip(table["id"], table["mask"], strict=True))
    rows = map_in_order(partial(_write_one, folder=folder), items, processes=processes, label="true objects")
    return pd.DataFrame(rows, columns=COLUMNS)


def _write_one(item: tuple[str, str], *, folder: Path) -> tuple[str, str, str]:
    image_id, mask_path = item
    path = png_path(folder, image_id)
    with written_whole(path) as temporary:
        Image.fromarray(true_objects(read_mask(Path(mask_path)))).save(temporary, format="PNG")
    return image_id, str(path), file_digest(path)
