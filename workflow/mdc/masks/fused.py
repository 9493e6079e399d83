"""The masks stage: a pseudo mask of every image, from files to files; the arithmetic is in `mdc.masks.fusion`."""

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mdc.config.experiments import split_variant
from mdc.data.manifest import read_manifest
from mdc.data.mask_files import read_mask, write_mask
from mdc.masks.fusion import Recipe, fused_at_image_size, pseudo_mask, salient_mask
from mdc.runtime.errors import InputError
from mdc.runtime.files import write_whole
from mdc.runtime.hashes import file_digest
from mdc.runtime.parallel import map_in_order
from mdc.saliency.maps import read_saliency
from mdc.scores.metrics import confusion, summary
from mdc.storage.hdf5 import CAMS, Cams, attributes, ids_in, read_cams
from mdc.storage.image_tables import png_path, read_table, write_table


@dataclass(frozen=True, kw_only=True)
class Source:
    """One image's input of this stage: its maps, its saliency PNG or None, and, for measuring, its true mask."""

    cams: Cams
    saliency: str | None
    truth: str = ""


def sources(
    *, cams_h5: Sequence[Path], saliency_csv: Sequence[Path], truths: dict[str, str] | None = None
) -> Iterator[Source]:
    """Yield every image of the map files with its saliency map, if there are any.

    With `truths` (id -> path of the true mask, or empty), only the images that have one.
    """
    saliency = read_table(saliency_csv)
    for path in cams_h5:
        ids = None if truths is None else [image_id for image_id in ids_in(path, kind=CAMS) if truths.get(image_id)]
        for cams in read_cams(path, ids):
            if saliency and cams.id not in saliency:
                raise InputError(
                    f"{saliency_csv[0]}: no saliency map of the image {cams.id} of {path}: remove the one "
                    "that is wrong and run the same again"
                )
            yield Source(cams=cams, saliency=saliency.get(cams.id), truth=(truths or {}).get(cams.id, ""))


def _fused(source: Source, *, setting: str, names: Sequence[str], stride: int) -> np.ndarray:
    cams = source.cams
    return fused_at_image_size(
        cams.maps, setting=setting, names=names, stride=stride, height=cams.height, width=cams.width
    )


def _saliency(source: Source) -> np.ndarray | None:
    size = source.cams.height, source.cams.width
    return read_saliency(Path(source.saliency), size=size) if source.saliency else None


def _write_masks(
    make: Callable[[Source], np.ndarray],
    *,
    cams_h5: Sequence[Path],
    saliency_csv: Sequence[Path],
    masks_csv: Path,
    label: str,
    processes: int,
) -> None:
    one = functools.partial(_write_one, make=make, folder=masks_csv.with_suffix(""))
    items = sources(cams_h5=cams_h5, saliency_csv=saliency_csv)
    total = sum(len(ids_in(path, kind=CAMS)) for path in cams_h5)
    write_table(list(map_in_order(one, items, processes=processes, label=label, total=total)), masks_csv)


def _write_one(source: Source, *, make: Callable[[Source], np.ndarray], folder: Path) -> tuple[str, str, str]:
    path = png_path(folder, source.cams.id)
    write_mask(path, make(source))
    return source.cams.id, str(path), file_digest(path)


def _pseudo_mask_of(source: Source, *, setting: str, names: Sequence[str], stride: int, recipe: Recipe) -> np.ndarray:
    fused = _fused(source, setting=setting, names=names, stride=stride)
    return pseudo_mask(fused, source.cams.class_ids, _saliency(source), recipe)


def fuse_masks(
    *,
    cams_h5: Sequence[Path],
    saliency_csv: Sequence[Path],
    masks_csv: Path,
    setting: str,
    names: Sequence[str],
    recipe: dict[str, Any],
    sweep_csv: Path | None,
    processes: int,
) -> None:
    """Write a palette PNG per image into the folder named as `masks_csv` without its ending, and that table of them.

    Args:
        cams_h5: the map files (all shards).
        saliency_csv: tables of saliency maps (all shards); empty without saliency.
        setting, names: see `mdc.masks.fusion.fuse`.
        recipe: fields of `Recipe`; the threshold `best` is looked up in `sweep_csv`.
        sweep_csv: as `sweep_threshold` wrote it, or None.

    Raises:
        InputError: a map file or a saliency map is damaged, or an image has no saliency map; the best threshold is
            asked for and no training image has a true mask.
    """
    if recipe["threshold"] == "best":
        recipe = recipe | {"threshold": best_threshold(sweep_csv)}
    stride = attributes(cams_h5[0], kind=CAMS)["stride"]
    make = functools.partial(_pseudo_mask_of, setting=setting, names=names, stride=stride, recipe=Recipe(**recipe))
    _write_masks(
        make,
        cams_h5=cams_h5,
        saliency_csv=saliency_csv,
        masks_csv=masks_csv,
        label=f"fuse_masks {setting}",
        processes=processes,
    )


def best_threshold(sweep_csv: Path) -> float:
    """Return the threshold of a sweep with the highest mIoU on the training images, the lowest of equals.

    Raises:
        InputError: the sweep is empty, because no training image has a true mask.
    """
    sweep = pd.read_csv(sweep_csv)
    if sweep.empty:
        raise InputError(
            f"{sweep_csv}: no training image has a true mask, so masks.threshold cannot be best: set it to a number"
        )
    return float(sweep.sort_values("threshold").nlargest(1, "miou")["threshold"].item())


def _salient_mask_of(
    source: Source, *, setting: str, names: Sequence[str], stride: int, threshold: float
) -> np.ndarray:
    fused = _fused(source, setting=setting, names=names, stride=stride)
    return salient_mask(fused, source.cams.class_ids, _saliency(source), threshold)


def fuse_salient_masks(
    *,
    cams_h5: Sequence[Path],
    saliency_csv: Sequence[Path],
    threshold_json: Path,
    masks_csv: Path,
    setting: str,
    names: Sequence[str],
    processes: int,
) -> None:
    """Write the baseline masks of `salient_mask` with the threshold in `threshold_json`; otherwise as `fuse_masks`."""
    stride = attributes(cams_h5[0], kind=CAMS)["stride"]
    threshold = json.loads(threshold_json.read_text())["threshold"]
    make = functools.partial(_salient_mask_of, setting=setting, names=names, stride=stride, threshold=threshold)
    _write_masks(
        make,
        cams_h5=cams_h5,
        saliency_csv=saliency_csv,
        masks_csv=masks_csv,
        label=f"fuse_salient_masks {setting}",
        processes=processes,
    )


def sweep_one(
    source: Source,
    *,
    setting: str,
    names: Sequence[str],
    stride: int,
    recipe: Recipe,
    thresholds: Sequence[float],
    classes: int,
) -> np.ndarray:
    """Return the confusion of one image's pseudo mask with its true mask at each threshold: (thresholds, C, C + 1)."""
    fused = _fused(source, setting=setting, names=names, stride=stride)
    saliency = _saliency(source)
    truth = read_mask(Path(source.truth), classes=classes, size=(source.cams.height, source.cams.width))
    return np.stack(
        [
            confusion(
                truth,
                pseudo_mask(fused, source.cams.class_ids, saliency, replace(recipe, threshold=threshold)),
                classes=classes,
            )
            for threshold in thresholds
        ]
    )


def sweep_threshold(
    *,
    train_csv: Path,
    cams_h5: Sequence[Path],
    saliency_csv: Sequence[Path],
    sweep_csv: Path,
    setting: str,
    names: Sequence[str],
    recipe: dict[str, Any],
    thresholds: Sequence[float],
    classes: int,
    processes: int,
) -> None:
    """Write the quality of the pseudo masks of one setting as a function of the threshold, over the true masks.

    One row per threshold: `maps, threshold` and the measures of `mdc.scores.metrics.summary`; no rows without true
    masks.
    `setting` may carry the name of a variant. `recipe` has the fields of `Recipe` but the threshold, `classes` counts
    the foreground classes; the other arguments are those of `fuse_masks`.
    """
    table = read_manifest(train_csv)
    truths = {row.id: row.mask for row in table.itertuples() if row.mask}
    one = functools.partial(
        sweep_one,
        setting=split_variant(setting)[0],
        names=names,
        stride=attributes(cams_h5[0], kind=CAMS)["stride"],
        recipe=Recipe(threshold=0, **recipe),
        thresholds=thresholds,
        classes=classes,
    )
    items = sources(cams_h5=cams_h5, saliency_csv=saliency_csv, truths=truths)
    results = map_in_order(one, items, processes=processes, label=f"sweep_threshold {setting}", total=len(truths))
    total = sum(results, np.zeros((len(thresholds), classes + 1, classes + 2), np.int64))
    rows = [
        {"maps": setting, "threshold": threshold} | summary(table)
        for threshold, table in zip(thresholds, total, strict=True)
        if truths
    ]
    columns = ["maps", "threshold", *summary(np.zeros((classes + 1, classes + 2), np.int64))]
    write_whole(sweep_csv, pd.DataFrame(rows, columns=columns).to_csv(index=False).encode())
