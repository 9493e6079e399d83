"""Writing saliency maps that the workflow computes itself."""

from functools import partial
from pathlib import Path

import pandas as pd

from mdc.data.images import read_image
from mdc.runtime.hashes import file_digest
from mdc.runtime.parallel import map_in_order
from mdc.saliency.maps import write_saliency_map
from mdc.saliency.rbd import rbd
from mdc.storage.image_tables import COLUMNS, png_path


def write_saliency(images: list[tuple[str, Path]], *, folder: Path, processes: int) -> pd.DataFrame:
    """Write the `rbd` map of each (id, image file) to `folder`/id.png, 8-bit grey, 255 the most salient.

    The files are plain photos (see `images.read_image`). Slashes in an id become subfolders. Returns a table with a row
    per image in the order given: `id`, `path` and `digest`, the first 16 hexadecimal digits of the PNG's SHA-256.
    Raises `InputError` when an image is missing or does not decode.
    """
    results = map_in_order(partial(_write_one, folder=Path(folder)), images, processes=processes, label="saliency")
    return pd.DataFrame(results, columns=COLUMNS)


def _write_one(image: tuple[str, Path], *, folder: Path) -> tuple[str, str, str]:
    image_id, source = image
    path = png_path(folder, image_id)
    write_saliency_map(path, rbd(read_image(Path(source))))
    return image_id, str(path), file_digest(path)
