"""How sure pseudo masks are, estimated without true masks: which of them a person should look at first."""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mdc.data.labels import BACKGROUND, VOID
from mdc.data.manifest import read_manifest
from mdc.data.mask_files import read_mask
from mdc.masks.fused import share_of_maximum
from mdc.masks.producers import ImageInputs, count_images, images_with_maps
from mdc.runtime.files import write_whole
from mdc.runtime.logs import logger
from mdc.runtime.parallel import map_in_order
from mdc.storage.image_tables import read_table

OBJECT_ABOVE = 0.3  # of a block's maximum: the paper's threshold, whatever the masks' own is
MEASURES = ("maps_agree", "saliency_agrees", "labelled")
COLUMNS = ("id", *MEASURES, "certainty")
NAMED = 5  # in the log


def object_agreement(mask: np.ndarray, other: np.ndarray) -> float:
    """Return on how many of the pixels that are object in one of two masks both have the same class: share in 0..1.

    NaN where neither has an object; 255 is not an object.
    """
    objects, others = ((one != BACKGROUND) & (one != VOID) for one in (mask, other))
    either = (objects | others).sum()
    return float(((mask == other) & objects).sum() / either) if either else float("nan")


def shared(one: np.ndarray, other: np.ndarray) -> float:
    """Return the overlap of two maps (H, W) in 0..1, the sum of their minimum over that of their maximum.

    NaN where both are 0 everywhere.
    """
    most = np.maximum(one, other).sum()
    return float(np.minimum(one, other).sum() / most) if most > 0 else float("nan")


def measures(
    mask: np.ndarray,
    class_ids: np.ndarray,
    *,
    blocks: Sequence[np.ndarray],
    fused: np.ndarray,
    saliency: np.ndarray | None,
) -> dict[str, float]:
    """Return what speaks for a mask, each a share in 0..1 or NaN where it is unknown, and `certainty`, their mean.

    `maps_agree`: the mean `object_agreement` with what each block alone takes for objects; `saliency_agrees`: what
    saliency and the highest of the fused maps share; `labelled`: the share of pixels that are not 255.

    Args:
        mask: uint8 (H, W).
        class_ids: (T,), mask indices of the tagged classes.
        blocks: of every block the maps, (T, H, W), as shares of their maxima; none for a classifier of one block.
        fused: (T, H, W), likewise, of the map setting that the mask is made of.
        saliency: (H, W) in 0..1; None without saliency.
    """
    found = {"maps_agree": float("nan"), "saliency_agrees": float("nan"), "labelled": float((mask != VOID).mean())}
    if len(class_ids):
        alone = [np.where(maps.max(0) > OBJECT_ABOVE, class_ids[maps.argmax(0)], BACKGROUND) for maps in blocks]
        agreements = [object_agreement(mask, other) for other in alone]
        found["maps_agree"] = float(np.mean(agreements)) if agreements else float("nan")
        if saliency is not None:
            found["saliency_agrees"] = shared(saliency, fused.max(0))
    return found | {"certainty": float(np.nanmean(list(found.values())))}


def _measures_of(item: tuple[ImageInputs, str], *, maps: str) -> tuple:
    image, path = item
    names = image.info.blocks
    found = measures(
        read_mask(Path(path), size=image.size),
        image.class_ids,
        blocks=[share_of_maximum(image.fused_maps(name)) for name in names] if len(names) > 1 else [],
        fused=share_of_maximum(image.fused_maps(maps)),
        saliency=image.saliency(),
    )
    return image.id, *(found[name] for name in COLUMNS[1:])


def estimate_certainty(
    *,
    split_csv: Path,
    cams_h5: Sequence[Path],
    saliency_csv: Path | None,
    masks_csv: Path,
    certainty_csv: Path,
    name: str,
    maps: str,
    processes: int,
) -> None:
    """Write a row per pseudo mask, the least certain first: id and the shares that `measures` returns.

    Args:
        cams_h5: the map files of all shards.
        saliency_csv: table of saliency maps; None without saliency.
        masks_csv: table of the masks, and `name`, what they are called.
        maps: the map setting that they are made of, see `mdc.masks.fusion.fuse`.

    Raises:
        InputError: a file is damaged, or an image has no saliency map.
    """
    paths = read_table([masks_csv])
    images = images_with_maps(read_manifest(split_csv), cams_h5, saliency_csv=saliency_csv)
    items = ((image, paths[image.id]) for image in images)
    one = functools.partial(_measures_of, maps=maps)
    total = count_images(cams_h5)
    rows = map_in_order(one, items, processes=processes, label=f"estimate_certainty {name}", total=total)
    table = pd.DataFrame(rows, columns=list(COLUMNS)).sort_values(["certainty", "id"])
    logger.info("%s: look at these first: %s", name, ", ".join(table["id"][:NAMED]))
    write_whole(certainty_csv, table.round(4).to_csv(index=False).encode())


def read_certainty(certainty_csv: Path) -> pd.DataFrame:
    """Return a table that `estimate_certainty` wrote, columns `COLUMNS`."""
    empty = dict.fromkeys(COLUMNS[1:], "")  # and nowhere else: an id may be "NA"
    return pd.read_csv(certainty_csv, dtype={"id": str}, keep_default_na=False, na_values=empty)
