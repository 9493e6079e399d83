"""Which images have human masks in semi-supervised training (paper §4.4, table 4): nested choices by one seed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mdc.data.manifest import read_manifest
from mdc.data.voc_layout import layout_root
from mdc.runtime.errors import InputError
from mdc.runtime.files import write_whole


def nested_order(ids: Sequence[str], *, seed: int) -> list[str]:
    """Return `ids` in an order that depends on `seed` and on nothing else: the first n of it are the choice of n."""
    return [sorted(ids)[index] for index in np.random.default_rng(seed).permutation(len(ids))]


def strong_table(
    train: pd.DataFrame,
    val: pd.DataFrame | None,
    *,
    images: int,
    candidates: Sequence[str] | None,
    pool: int,
    seed: int,
) -> pd.DataFrame:
    """Return the rows of the manifests whose true masks are used: `images` of them, in the manifests' order.

    Args:
        train: manifest of the training images; those with a true mask can be chosen.
        val: manifest of the validation images. With it, the choice is the whole pool and all of val with a true mask.
        candidates: ids that alone can be chosen, such as VOC's train; None for no restriction.
        pool: the largest choice among training images; 0 for all that can be chosen.
        seed: of the order.

    Raises:
        InputError: there are not as many images; says how many.
    """
    usable = train[train["mask"] != ""]
    if candidates is not None:
        usable = usable[usable["id"].isin(candidates)]
    size = min(pool or len(usable), len(usable))
    order = nested_order(list(usable["id"]), seed=seed)[:size]
    if val is None:
        if images > size:
            raise InputError(
                f"semi{images}: only {size} training images can be chosen for their true masks; ask for fewer in "
                "segmenter.settings and scores.table4, or change segmenter.strong.pool"
            )
        return usable[usable["id"].isin(order[:images])]
    human = val[val["mask"] != ""]
    if images != size + len(human):
        raise InputError(
            f"segmenter.strong.with_val: {images} is not the number of all images with true masks, {size} of train and "
            f"{len(human)} of val: write {size + len(human)}, there and in the names of the settings"
        )
    return pd.concat([usable[usable["id"].isin(order)], human], ignore_index=True)


def choose_strong(
    *,
    train_csv: Path,
    val_csv: Path | None,
    voc_root: Path | None,
    strong_csv: Path,
    images: int,
    pool: int,
    seed: int,
) -> None:
    """Write the manifest of the images that `strong_table` chooses, from VOC's own train list where there is one."""
    own_list = layout_root(voc_root) / "ImageSets" / "Segmentation" / "train.txt" if voc_root else None
    table = strong_table(
        read_manifest(train_csv),
        read_manifest(val_csv) if val_csv else None,
        images=images,
        candidates=own_list.read_text(encoding="utf-8").split() if own_list else None,
        pool=pool,
        seed=seed,
    )
    write_whole(strong_csv, table.to_csv(index=False).encode())
