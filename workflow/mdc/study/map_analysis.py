"""Measuring a network's localization maps from files to files; the arithmetic is in `mdc.study.map_statistics`."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mdc.cams.files import cams_info, read_cams
from mdc.data.labels import VOID
from mdc.data.manifest import read_manifest
from mdc.data.metrics import ratio
from mdc.data.synthetic.dataset import drawn_again
from mdc.data.synthetic.scene import Scene
from mdc.masks.producers import ImageInputs, images_with_maps
from mdc.runtime.errors import InputError
from mdc.runtime.files import write_whole
from mdc.runtime.parallel import map_in_order
from mdc.study.map_statistics import DISTANCES_PX, REGIONS, contrast, region_counts, response_by_distance, seen_by

QUARTILES = ("smallest", "small", "large", "largest")


@dataclass(frozen=True, kw_only=True)
class _Measured:
    """Of one image with T classes: their shares, region counts (T, M, thresholds, 3), `seen_by`, and responses."""

    id: str
    areas: np.ndarray
    regions: np.ndarray
    seen: np.ndarray
    responses: np.ndarray


def _measured(
    image: ImageInputs,
    *,
    settings: Sequence[str],
    thresholds: Sequence[float],
    synthetic: dict | None,
) -> _Measured:
    cams, truth, names = image.cams, image.ground_truth(classes=len(image.info.classes)), image.info.blocks
    stack = [image.fused_maps(setting) for setting in settings]
    maps = np.stack(stack, axis=1) if len(cams.class_ids) else np.zeros((0, len(settings), *truth.shape), np.float32)
    maps /= np.maximum(maps.max((-2, -1), keepdims=True, initial=0), 1e-12)
    present = [index for index, class_id in enumerate(cams.class_ids) if (truth == class_id).any()]
    regions = np.zeros((len(present), len(settings), len(thresholds), 3), np.int64)
    seen = np.zeros((len(thresholds), 2, len(names)), np.int64)
    blocks = [list(settings).index(name) for name in names]
    responses = []
    scene = drawn_again(*_place(cams.id), **synthetic) if synthetic else None
    for row, index in enumerate(present):
        class_id = int(cams.class_ids[index])
        for number in range(len(settings)):
            regions[row, number] = region_counts(maps[index, number], truth, class_id, thresholds)
        for number, threshold in enumerate(thresholds):
            seen[number] += seen_by(maps[index, blocks] > threshold, truth, class_id)
        if scene:
            responses.append(_response(maps[index], scene, truth, class_id))
    counted = max(int((truth != VOID).sum()), 1)
    areas = np.array([(truth == cams.class_ids[index]).sum() / counted for index in present])
    empty = np.zeros((0, len(settings), len(REGIONS), len(DISTANCES_PX) - 1))
    return _Measured(
        id=cams.id,
        areas=areas,
        regions=regions,
        seen=seen,
        responses=np.stack(responses) if responses else empty,
    )


def _place(image_id: str) -> tuple[str, int]:
    split, number = image_id.rsplit("_", 1)
    return split, int(number)


def _response(maps: np.ndarray, scene: Scene, truth: np.ndarray, class_id: int) -> np.ndarray:
    rows, columns = np.indices(truth.shape)
    on_heads = np.zeros(truth.shape, bool)
    for head in scene.heads:
        on_heads |= np.hypot(columns - head.x, rows - head.y) <= head.radius
    heads = [(head.x, head.y, head.radius) for head in scene.heads if head.label == class_id]
    return response_by_distance(
        maps, heads=heads, other_heads=on_heads, truth=truth, class_id=class_id, distractors=scene.distractors
    )


def regions_table(counts: np.ndarray, settings: Sequence[str], thresholds: Sequence[float]) -> pd.DataFrame:
    """Return precision, recall and IoU of the object regions, pooled over all objects, per map setting and threshold.

    `counts` is (objects, settings, thresholds, 3) of `mdc.study.map_statistics.region_counts`.
    """
    true, region, both = np.moveaxis(counts.sum(0), -1, 0)
    index = pd.MultiIndex.from_product([settings, thresholds], names=["maps", "threshold"])
    values = {
        "precision": ratio(both, region),
        "recall": ratio(both, true),
        "iou": ratio(both, true + region - both),
    }
    return pd.DataFrame({name: value.ravel() for name, value in values.items()}, index=index).reset_index()


def sizes_table(
    counts: np.ndarray, areas: np.ndarray, settings: Sequence[str], thresholds: Sequence[float]
) -> pd.DataFrame:
    """Return the mean IoU of objects by quartile of their size, per map setting and threshold (paper §4.3.1).

    An object is one class in one image; `areas` (objects,) are their shares of the image.
    """
    true, region, both = np.moveaxis(counts, -1, 0)
    iou = ratio(both, true + region - both)  # (objects, settings, thresholds)
    edges = np.quantile(areas, [0.25, 0.5, 0.75]) if len(areas) else np.zeros(3)
    quartile = np.searchsorted(edges, areas, side="left")
    rows = [
        (maps, name, threshold, iou[quartile == q, m, t].mean() if (quartile == q).any() else np.nan)
        for m, maps in enumerate(settings)
        for q, name in enumerate(QUARTILES)
        for t, threshold in enumerate(thresholds)
    ]
    return pd.DataFrame(rows, columns=["maps", "size", "threshold", "iou"])


def seen_table(seen: np.ndarray, thresholds: Sequence[float]) -> pd.DataFrame:
    """Return the shares of true and false positive pixels by the number of blocks whose region holds them.

    `seen` is (thresholds, 2, blocks) of `mdc.study.map_statistics.seen_by`; a pixel in no region is not a positive.
    """
    rows = [
        (threshold, kind, number + 1, share)
        for threshold, table in zip(thresholds, seen, strict=True)
        for kind, shares in zip(("true", "false"), ratio(table, table.sum(1, keepdims=True)), strict=True)
        for number, share in enumerate(shares)
    ]
    return pd.DataFrame(rows, columns=["threshold", "positives", "blocks", "share"])


def response_table(responses: np.ndarray, settings: Sequence[str]) -> pd.DataFrame:
    """Return the mean response by distance, of the body and of another region, over objects that have both there.

    Args:
        responses: (objects, M, 3, B) of `mdc.study.map_statistics.response_by_distance`.

    Returns:
        Columns maps, region (distractor or background), from_px, to_px (distance from the head's outline), body, other,
        objects.
    """
    rows = []
    for m, maps in enumerate(settings):
        for r, region in enumerate(REGIONS[1:], start=1):
            for b in range(len(DISTANCES_PX) - 1):
                pair = responses[:, m, [0, r], b]
                pair = pair[np.isfinite(pair).all(1)]
                body, other = pair.mean(0) if len(pair) else (np.nan, np.nan)
                rows.append((maps, region, DISTANCES_PX[b], DISTANCES_PX[b + 1], body, other, len(pair)))
    return pd.DataFrame(rows, columns=["maps", "region", "from_px", "to_px", "body", "other", "objects"])


def contrast_table(found: Sequence[_Measured], settings: Sequence[str]) -> pd.DataFrame:
    """Return `contrast` of every image, the mean over its objects: columns id, maps, region, contrast."""
    rows = []
    for item in found:
        if not len(item.responses):
            continue
        values = np.stack([contrast(means) for means in item.responses])  # (T, M, 2)
        known = np.isfinite(values)
        mean = ratio(np.where(known, values, 0).sum(0), known.sum(0))
        rows += [
            (item.id, maps, region, mean[m, r])
            for m, maps in enumerate(settings)
            for r, region in enumerate(REGIONS[1:])
            if np.isfinite(mean[m, r])
        ]
    return pd.DataFrame(rows, columns=["id", "maps", "region", "contrast"])


def logits_table(cams_h5: Sequence[Path]) -> pd.DataFrame:
    """Return every image's logits by block: columns id, block, and a number from 1 per class."""
    rows = [
        (cams.id, name, *values)
        for path in cams_h5
        for cams in read_cams(path)
        for name, values in zip(cams_info(path).blocks, cams.logits.tolist(), strict=True)
    ]
    classes = len(rows[0]) - 2 if rows else 0
    return pd.DataFrame(rows, columns=["id", "block", *range(1, classes + 1)])


def measure_maps(
    *,
    train_csv: Path,
    train_cams_h5: Sequence[Path],
    val_cams_h5: Sequence[Path],
    settings: Sequence[str],
    thresholds: Sequence[float],
    synthetic: dict | None,
    folder: Path,
    processes: int,
) -> None:
    """Write to `folder` where the maps respond, measured on the training images with true masks.

    The files are `mdc.study.names.MEASURES`, the tables of this module. `response.csv` and `contrast.csv` have rows for
    the built-in dataset only, whose heads and distractors are known; `logits.csv` is about the images of val.

    Args:
        settings: ways to fuse maps, see `mdc.masks.fusion.fuse`.
        thresholds: shares of a map's maximum.
        synthetic: side_px, body_cue and seed of the built-in dataset, or None.

    Raises:
        InputError: no training image has a true mask.
    """
    table = read_manifest(train_csv)
    table = table[table["mask"] != ""]
    if table.empty:
        raise InputError(f"{train_csv}: no training image has a true mask, without which maps cannot be measured")
    one = functools.partial(
        _measured,
        settings=settings,
        thresholds=thresholds,
        synthetic=synthetic,
    )
    items = images_with_maps(table, train_cams_h5, saliency_csv=None)
    found = list(map_in_order(one, items, processes=processes, label="measure_maps", total=len(table)))
    names = cams_info(train_cams_h5[0]).blocks
    regions = np.concatenate([item.regions for item in found])
    areas = np.concatenate([item.areas for item in found])
    seen = sum((item.seen for item in found), np.zeros((len(thresholds), 2, len(names)), np.int64))
    responses = np.concatenate([item.responses for item in found])
    tables = {
        "regions": regions_table(regions, settings, thresholds),
        "sizes": sizes_table(regions, areas, settings, thresholds),
        "seen": seen_table(seen, thresholds),
        "response": response_table(responses, settings if synthetic else []),
        "contrast": contrast_table(found, settings),
        "logits": logits_table(val_cams_h5),
    }
    for name, content in tables.items():
        write_whole(folder / f"{name}.csv", content.to_csv(index=False).encode())
