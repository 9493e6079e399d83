"""Contact sheets: from photo to truth, so that one sees why a mask is good or bad."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

from mdc.data.images import read_image
from mdc.data.labels import PALETTE
from mdc.data.manifest import read_manifest, tag_indices
from mdc.data.mask_files import read_mask
from mdc.figures.letters import drawable
from mdc.figures.pictures import (
    VOID_SHADE,
    chosen_images,
    coloured,
    find_cams,
    map_cells,
    read_mask_beside,
    read_scores,
)
from mdc.figures.style import save_figure
from mdc.masks.certainty import read_certainty
from mdc.saliency.maps import read_saliency
from mdc.storage.image_tables import read_table

CERTAINTY_KINDS = ("surest", "middle", "least sure")


@dataclass(frozen=True, kw_only=True)
class SheetInputs:
    """Inputs of a contact sheet: files of maps (all shards), and tables of pictures, None where there is none.

    `certainty_csv` is the table of `mdc.masks.certainty`, by which images without scores are chosen.
    """

    split_csv: Path
    images_csv: Path
    cams_h5: Sequence[Path]
    saliency_csv: Path | None
    masks_csv: Path | None
    certainty_csv: Path | None
    predictions_csv: Path | None
    crf_csv: Path | None


def draw_sheet(
    *,
    inputs: SheetInputs,
    sheet_png: Path,
    classes: Sequence[str],
    setting: str,
    each: int,
    title: str,
) -> None:
    """Draw photo, saliency, each block's map, the fused map, pseudo mask, prediction, CRF and truth, a row per image.

    Rows are the images with the best, median and worst `miou` in `inputs.images_csv`; where nothing was scored, those
    whose pseudo masks are surest, median and least sure, or else the first images of the split. Heat maps show, per
    pixel, the highest of the tagged classes' maps.

    Args:
        setting: the map setting whose fusion is drawn.
        each: images of each kind.
    """
    table = read_manifest(inputs.split_csv).set_index("id")
    scores = read_scores(inputs.images_csv)
    chosen = chosen_images(scores, each=each)
    values = dict(zip(scores["id"], scores["miou"], strict=True))
    if not chosen and inputs.certainty_csv:
        certainty = read_certainty(inputs.certainty_csv)
        chosen = chosen_images(certainty, each=each, by="certainty", kinds=CERTAINTY_KINDS)
        values = dict(zip(certainty["id"], certainty["certainty"], strict=True))
    chosen = chosen or [("", image_id) for image_id in table.index[: 3 * each]]
    cams = find_cams([image_id for _, image_id in chosen], inputs.cams_h5)
    pictures = {
        "saliency": _paths(inputs.saliency_csv),
        "pseudo mask": _paths(inputs.masks_csv),
        "prediction": _paths(inputs.predictions_csv),
        "+ CRF": _paths(inputs.crf_csv),
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
            cells |= map_cells(photo, *cams[image_id], setting)
        for name in ("pseudo mask", "prediction", "+ CRF"):
            if image_id in pictures[name]:
                cells[name] = coloured(read_mask_beside(photo, Path(pictures[name][image_id])))
        if row["mask"]:
            cells["truth"] = coloured(read_mask(Path(row["mask"])))
        tags = [classes[index - 1] for index in tag_indices(row["tags"], classes)]
        score = f"{kind} {100 * values[image_id]:.0f}" if image_id in values else ""
        rows.append((f"{image_id}\n{', '.join(tags) or 'no tag'}\n{score}", cells))
    draw_grid(rows, sheet_png, classes=classes, title=title)


def _paths(table_csv: Path | None) -> dict[str, str]:
    return read_table([table_csv]) if table_csv else {}


def draw_grid(
    rows: Sequence[tuple[str, dict[str, np.ndarray]]], path: Path, *, classes: Sequence[str], title: str
) -> None:
    """Draw rows of pictures, each a label and column -> picture (H, W, 3), with the classes' colours below."""
    columns = list(dict.fromkeys(name for _, cells in rows for name in cells))
    figure, axes = plt.subplots(
        max(len(rows), 1), max(len(columns), 1), figsize=(1.6 * len(columns) + 1.5, 1.55 * len(rows) + 1), squeeze=False
    )
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
        axis.set_frame_on(False)
    for line, (label, cells) in zip(axes, rows, strict=False):
        line[0].set_ylabel(drawable(label), rotation=0, ha="right", va="center", fontsize=9)
        for axis, name in zip(line, columns, strict=False):
            if name in cells:
                axis.imshow(cells[name], interpolation="nearest")
    for axis, name in zip(axes[0], columns, strict=False):
        axis.set_title(name, fontsize=10)
    patches = [
        matplotlib.patches.Patch(color=PALETTE[index] / 255, label=drawable(name))
        for index, name in enumerate(["background", *classes])
    ]
    patches.append(matplotlib.patches.Patch(color=3 * [VOID_SHADE / 255], label="unlabelled"))
    figure.legend(handles=patches, loc="lower center", ncols=min(len(patches), 9), fontsize=8, frameon=False)
    inches = figure.get_figheight()
    figure.suptitle(title, fontsize=10, y=1 - 0.1 / inches)
    # the title and the names of the columns take 0.5 inches, the legend 0.5
    figure.subplots_adjust(left=0.1, right=0.995, top=1 - 0.5 / inches, bottom=0.5 / inches, wspace=0.03, hspace=0.05)
    save_figure(figure, path)
