"""Contact sheets: from photo to truth, so that one sees why a mask is good or bad."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from mdc.data.images import read_image
from mdc.data.labels import PALETTE, VOID
from mdc.data.manifest import read_manifest, tag_indices
from mdc.data.mask_files import read_mask
from mdc.figures.plots import save_figure
from mdc.masks.fusion import fused_at_image_size
from mdc.saliency.maps import read_saliency
from mdc.storage.hdf5 import CAMS, Cams, attributes, ids_in, read_cams
from mdc.storage.image_tables import read_table

VOID_SHADE = 235  # unlabelled pixels are drawn light grey: the palette's own colour for 255 is nearly that of a class


def coloured(mask: np.ndarray) -> np.ndarray:
    """Return a mask uint8 (H, W) in the VOC colours, unlabelled pixels light grey: uint8 (H, W, 3)."""
    colours = PALETTE.copy()
    colours[VOID] = VOID_SHADE
    return colours[mask]


def overlaid(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Return the photo with a map (H, W) in 0..1 drawn over it: uint8 (H, W, 3)."""
    colours = 255 * matplotlib.colormaps["jet"](np.clip(heat, 0, 1))[..., :3]
    return (0.5 * image + 0.5 * colours).astype(np.uint8)


@dataclass(frozen=True, kw_only=True)
class SheetInputs:
    """What a contact sheet shows beside the photo: paths of tables (all shards), empty where there is nothing.

    Masks, predictions and CRF masks are drawn if their tables are given.
    """

    split_csv: Path
    images_csv: Path
    cams_h5: Sequence[Path]
    saliency_csv: Sequence[Path]
    masks_csv: Sequence[Path]
    predictions_csv: Sequence[Path]
    crf_csv: Sequence[Path]


def read_scores(images_csv: Path) -> pd.DataFrame:
    """Return each image's scores as `score_masks` wrote them: columns id, miou, pixel_accuracy in 0..1."""
    empty = {"miou": "", "pixel_accuracy": ""}  # and nowhere else: an id may be "NA"
    return pd.read_csv(images_csv, dtype={"id": str}, keep_default_na=False, na_values=empty)


def chosen_images(scores: pd.DataFrame, *, each: int) -> list[tuple[str, str]]:
    """Return (kind, id) of the best, the median and the worst images by `miou`, `each` of every kind, best first.

    Images without a score, all of whose pixels are void, are left out.
    With fewer than `3 * each` images every one of them is shown once.
    """
    ranked = list(scores.dropna(subset=["miou"]).sort_values(["miou", "id"], ascending=[False, True])["id"])
    if len(ranked) <= 3 * each:
        return [("", image_id) for image_id in ranked]
    middle = (len(ranked) - each) // 2
    parts = {"best": ranked[:each], "median": ranked[middle : middle + each], "worst": ranked[-each:]}
    return [(kind, image_id) for kind, ids in parts.items() for image_id in ids]


def draw_sheet(
    *,
    inputs: SheetInputs,
    sheet_png: Path,
    classes: Sequence[str],
    names: Sequence[str],
    setting: str,
    each: int,
    title: str,
) -> None:
    """Draw photo, saliency, each block's map, the fused map, pseudo mask, prediction, CRF and truth, a row per image.

    Rows are the images with the best, median and worst `miou` in `inputs.images_csv`; where nothing was scored, the
    first images of the split. Heat maps show, per pixel, the highest of the tagged classes' maps.

    Args:
        names: of the blocks.
        setting: the map setting whose fusion is drawn.
        each: images of each kind.
    """
    table = read_manifest(inputs.split_csv).set_index("id")
    scores = read_scores(inputs.images_csv)
    chosen = chosen_images(scores, each=each) or [("", image_id) for image_id in table.index[: 3 * each]]
    values = dict(zip(scores["id"], scores["miou"], strict=True))
    cams = find_cams([image_id for _, image_id in chosen], inputs.cams_h5)
    stride = attributes(inputs.cams_h5[0], kind=CAMS)["stride"] if inputs.cams_h5 else 0
    pictures = {
        "saliency": read_table(inputs.saliency_csv),
        "pseudo mask": read_table(inputs.masks_csv),
        "prediction": read_table(inputs.predictions_csv),
        "+ CRF": read_table(inputs.crf_csv),
    }
    rows = []
    for kind, image_id in chosen:
        row = table.loc[image_id]
        photo = read_image(Path(row["image"]))
        saliency = read_saliency(Path(pictures["saliency"][image_id])) if pictures["saliency"] else None
        cells = {"photo": photo}
        if saliency is not None:
            cells["saliency"] = np.repeat((255 * saliency).astype(np.uint8)[..., None], 3, axis=2)
        if image_id in cams:
            cells |= map_cells(photo, cams[image_id], names, setting, stride)
        for name in ("pseudo mask", "prediction", "+ CRF"):
            if image_id in pictures[name]:
                cells[name] = coloured(read_mask(Path(pictures[name][image_id])))
        if row["mask"]:
            cells["truth"] = coloured(read_mask(Path(row["mask"])))
        tags = [classes[index - 1] for index in tag_indices(row["tags"], classes)]
        score = f"{kind} {100 * values[image_id]:.0f}" if image_id in values else ""
        rows.append((f"{image_id}\n{', '.join(tags) or 'no tag'}\n{score}", cells))
    _draw_grid(rows, sheet_png, classes=classes, title=title)


def find_cams(ids: Sequence[str], files: Sequence[Path]) -> dict[str, Cams]:
    """Return id -> localization maps of those of `ids` that are in `files`, all shards of a split's maps."""
    found = {}
    for path in files:
        inside = set(ids_in(path, kind=CAMS))
        found |= {cams.id: cams for cams in read_cams(path, [image_id for image_id in ids if image_id in inside])}
    return found


def map_cells(
    photo: np.ndarray,
    cams: Cams,
    names: Sequence[str],
    setting: str,
    stride: int,
) -> dict[str, np.ndarray]:
    """Return map -> photo with that map over it, uint8 (H, W, 3): of every block and of the map setting `setting`.

    Each class's map is taken relative to its own maximum; per pixel the highest of the classes is shown.
    """
    cells = {}
    for name in dict.fromkeys([*names, setting]):
        fused = fused_at_image_size(
            cams.maps, setting=name, names=names, stride=stride, height=cams.height, width=cams.width
        )
        peaks = fused.max((1, 2), keepdims=True, initial=0)
        cells[name] = overlaid(photo, (fused / np.where(peaks > 0, peaks, 1)).max(0, initial=0))
    return cells


def _draw_grid(
    rows: Sequence[tuple[str, dict[str, np.ndarray]]], path: Path, *, classes: Sequence[str], title: str
) -> None:
    columns = list(dict.fromkeys(name for _, cells in rows for name in cells))
    figure, axes = plt.subplots(
        max(len(rows), 1), max(len(columns), 1), figsize=(1.6 * len(columns) + 1.5, 1.55 * len(rows) + 1), squeeze=False
    )
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
        axis.set_frame_on(False)
    for line, (label, cells) in zip(axes, rows, strict=False):
        line[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9)
        for axis, name in zip(line, columns, strict=False):
            if name in cells:
                axis.imshow(cells[name], interpolation="nearest")
    for axis, name in zip(axes[0], columns, strict=False):
        axis.set_title(name, fontsize=10)
    patches = [
        matplotlib.patches.Patch(color=PALETTE[index] / 255, label=name)
        for index, name in enumerate(["background", *classes])
    ]
    patches.append(matplotlib.patches.Patch(color=3 * [VOID_SHADE / 255], label="unlabelled"))
    figure.legend(handles=patches, loc="lower center", ncols=min(len(patches), 9), fontsize=8, frameon=False)
    inches = figure.get_figheight()
    figure.suptitle(title, fontsize=10, y=1 - 0.1 / inches)
    # the title and the names of the columns take 0.5 inches, the legend 0.5
    figure.subplots_adjust(left=0.1, right=0.995, top=1 - 0.5 / inches, bottom=0.5 / inches, wspace=0.03, hspace=0.05)
    save_figure(figure, path)
