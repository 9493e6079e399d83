"""The paper's figures 5 and 6: photos with their localization maps, and with their predictions, a row per image."""

import difflib
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from mdc.data.images import read_image
from mdc.data.labels import PALETTE, VOID
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
from mdc.figures.style import CM, PAPER_STYLE, PAPER_WIDTH_CM, save_paper_figure, short
from mdc.runtime.errors import InputError, listing
from mdc.runtime.files import write_whole
from mdc.storage.image_tables import read_table

FAILURE = "failure case"
LABELS_CM, HEADS_CM, GAP_CM, LINE_CM, LEGEND_ROW_CM = 2.3, 0.4, 0.08, 0.28, 0.4
TALLEST = 1.4  # times as high as wide a picture is drawn at full width
LEGEND_COLUMNS = 8


def refuse_unusable_ids(asked: Mapping[str, Sequence[str]], manifests: Mapping[str, Path], checked_txt: Path) -> None:
    """Write `checked_txt` if every image that a figure is to show can be shown.

    Args:
        asked: key of the configuration (`figures.figure5`, ...) -> ids.
        manifests: the same keys -> manifest of the split that the figure shows.

    Raises:
        InputError: some cannot; a sentence per id.
    """
    problems = []
    for key, ids in asked.items():
        problems += unusable_ids(ids, manifests[key], key=key)
    if problems:
        raise InputError(listing("the figures cannot be drawn:", problems))
    write_whole(checked_txt, "".join(f"{key}: {', '.join(ids)}\n" for key, ids in asked.items()).encode())


def unusable_ids(ids: Sequence[str], split_csv: Path, *, key: str) -> list[str]:
    """Return a sentence for each id that is not in a manifest or, for figure 5, has no tag and so no map."""
    table = read_manifest(split_csv)
    tags = dict(zip(table["id"], table["tags"], strict=True))
    problems = []
    for image_id in ids:
        if image_id not in tags:
            # YAML reads 2007_000027 without quotes as a number and drops the underscore
            as_number = [f'"{known}" in quotes' for known in tags if known.replace("_", "") == image_id]
            near = as_number or difflib.get_close_matches(image_id, tags, n=3, cutoff=0) or ["no image"]
            problems.append(
                f"{key}: there is no image {image_id} among the {len(tags)} of {split_csv}; name {' or '.join(near)}, "
                "or leave the list empty"
            )
        elif key.endswith("figure5") and not tags[image_id]:
            problems.append(
                f"{key}: {image_id} has no tag in {split_csv}, so there is no map of it: name another image"
            )
    return problems


def rows_to_show(
    known: Sequence[str], scores: pd.DataFrame, asked: Sequence[str], *, with_failure: bool
) -> list[tuple[str, str]]:
    """Return (kind, id) of the images that a figure shows, from top to bottom.

    Those `asked` for, in their order. Where none is, the best, the median and the worst by `miou`; where nothing was
    scored either, the first three. The worst is called a failure case; `with_failure` adds it to those asked for, at
    the bottom.

    Args:
        known: ids of the images that can be shown.
        scores: columns id and miou, as `mdc.scores.compare.score_masks` wrote it.
    """
    scores = scores[scores["id"].isin(known)]
    ranked = [image_id for _, image_id in chosen_images(scores, each=max(len(scores), 1))]
    worst = ranked[-1] if len(ranked) > 1 else None
    if asked:
        shown = list(asked)
        if with_failure and worst is not None and worst not in shown:
            shown.append(worst)
        return [(FAILURE if with_failure and image_id == worst else "", image_id) for image_id in shown]
    if not ranked:
        return [("", image_id) for image_id in known[:3]]
    places = {"best": 0, "median": (len(ranked) - 1) // 2, FAILURE: len(ranked) - 1}
    kinds = {ranked[place]: kind for kind, place in reversed(places.items())}  # of few images, the best stays the best
    return [(kind, image_id) for image_id, kind in sorted(kinds.items(), key=lambda item: ranked.index(item[0]))]


def main_class(tags: Sequence[int], truth: np.ndarray | None) -> int:
    """Return the tagged class with most pixels in the true mask (H, W); without a mask the first one."""
    if truth is None:
        return tags[0]
    return max(tags, key=lambda index: ((truth == index).sum(), -index))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One image of a figure: the text at its left, and column -> picture, uint8 (H, W, 3)."""

    kind: str
    label: str
    pictures: Mapping[str, np.ndarray]


def draw_figure5(
    *,
    split_csv: Path,
    images_csv: Path,
    cams_h5: Sequence[Path],
    png: Path,
    pdf: Path,
    classes: Sequence[str],
    setting: str,
    ids: Sequence[str],
) -> None:
    """Draw the photo, every block's map and the fused map of one tagged class, a row per image (paper figure 5).

    Maps are drawn over the photo, each relative to its own maximum; the class is the tagged one with most pixels in
    the true mask, without a mask the first. Images are chosen by `rows_to_show`, among those with a tag.

    Args:
        split_csv: manifest.
        images_csv: scores of each image's pseudo mask, printed at its row.
        cams_h5: maps of the split, all shards.
        setting: the map setting that is drawn last, `fusion` in the paper.
        ids: images to show; empty chooses.

    Raises:
        InputError: an id is unknown or has no tag.
    """
    if problems := unusable_ids(ids, split_csv, key="figures.figure5"):
        raise InputError(listing("the figure cannot be drawn:", problems))
    table = read_manifest(split_csv).set_index("id")
    tagged = list(table.index[table["tags"] != ""])
    scores = read_scores(images_csv)
    chosen = rows_to_show(tagged, scores, ids, with_failure=True)
    cams = find_cams([image_id for _, image_id in chosen], cams_h5)
    rows = []
    for kind, image_id in chosen:
        row = table.loc[image_id]
        photo, (found, info) = read_image(Path(row["image"])), cams[image_id]
        truth = read_mask(Path(row["mask"])) if row["mask"] else None
        index = main_class(tag_indices(row["tags"], classes), truth)
        place = list(found.class_ids).index(index)
        one = replace(found, maps=found.maps[:, [place]], class_ids=found.class_ids[[place]])
        pictures = {"photo": photo} | map_cells(photo, one, info, setting)
        label = _label(image_id, classes[index - 1], scores)
        rows.append(Row(kind=kind, label=label, pictures=pictures))
    draw_rows(rows, png=png, pdf=pdf, legend={})


def draw_figure6(
    *,
    split_csv: Path,
    images_csv: Path,
    predictions_csv: Mapping[str, Path],
    crf_csv: Mapping[str, Path],
    png: Path,
    pdf: Path,
    classes: Sequence[str],
    ids: Sequence[str],
) -> None:
    """Draw the photo, each segmenter's prediction without and with CRF, and the truth, a row per image (figure 6).

    Images are chosen by `rows_to_show`.

    Args:
        split_csv: manifest.
        images_csv: scores of each image with the first segmenter and the CRF, printed at its row.
        predictions_csv, crf_csv: setting of a segmenter -> table of its masks.
        ids: images to show; empty chooses.

    Raises:
        InputError: an id is unknown.
    """
    if problems := unusable_ids(ids, split_csv, key="figures.figure6"):
        raise InputError(listing("the figure cannot be drawn:", problems))
    table = read_manifest(split_csv).set_index("id")
    scores = read_scores(images_csv)
    masks = {}
    for setting in predictions_csv:
        masks[setting] = read_table([predictions_csv[setting]])
        masks[f"{setting}\n+ CRF"] = read_table([crf_csv[setting]])
    rows, seen = [], set()
    for kind, image_id in rows_to_show(list(table.index), scores, ids, with_failure=False):
        row = table.loc[image_id]
        photo = read_image(Path(row["image"]))
        drawn = {name: read_mask_beside(photo, Path(paths[image_id])) for name, paths in masks.items()}
        if row["mask"]:
            drawn["true mask"] = read_mask(Path(row["mask"]))
        seen |= {int(index) for mask in drawn.values() for index in np.unique(mask)}
        pictures = {"photo": photo}
        pictures |= {name: coloured(mask) for name, mask in drawn.items()}
        rows.append(Row(kind=kind, label=_label(image_id, "", scores), pictures=pictures))
    names = ["background", *classes]
    legend = {names[index]: PALETTE[index] / 255 for index in sorted(seen - {VOID})}
    if VOID in seen:
        legend["not counted"] = np.full(3, VOID_SHADE / 255)
    draw_rows(rows, png=png, pdf=pdf, legend=legend)


def _label(image_id: str, name: str, scores: pd.DataFrame) -> str:
    lines = textwrap.wrap(drawable(image_id), 17)[-3:]  # the end of a long id says more than its folders
    lines += [short(name, 17)] if name else []
    values = scores.loc[scores["id"] == image_id, "miou"].dropna()
    return "\n".join([*lines, *(f"mIoU {100 * value:.0f}" for value in values)])


def draw_rows(rows: Sequence[Row], *, png: Path, pdf: Path, legend: Mapping[str, Sequence[float]]) -> None:
    """Write rows of pictures as one figure of a page's width; a failure case is named in red and set apart.

    Args:
        legend: name -> RGB colour in 0..1, below the pictures.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row.pictures))
    wide = (PAPER_WIDTH_CM - LABELS_CM) / max(len(columns), 1) - GAP_CM
    lefts = [LABELS_CM + place * (wide + GAP_CM) for place in range(len(columns))]
    heights = [_height(row, wide) for row in rows]
    gaps = [GAP_CM * (4 if row.kind == FAILURE else 1) for row in rows]
    heads_cm = HEADS_CM * max((name.count("\n") + 1 for name in columns), default=1)
    legend_rows = -(-len(legend) // LEGEND_COLUMNS)
    height_cm = heads_cm + sum(heights) + sum(gaps) + LEGEND_ROW_CM * legend_rows + 0.1
    with matplotlib.rc_context(PAPER_STYLE):
        figure = plt.figure(figsize=(PAPER_WIDTH_CM * CM, height_cm * CM))

        def write(text: str, x_cm: float, y_cm: float, **style) -> None:
            figure.text(x_cm / PAPER_WIDTH_CM, y_cm / height_cm, text, **style)

        top = height_cm - heads_cm
        for name, left in zip(columns, lefts, strict=True):
            write(name, left + wide / 2, top + 0.02, ha="center", va="bottom", fontsize=8)
        for row, height, gap in zip(rows, heights, gaps, strict=True):
            top -= gap
            for name, left in zip(columns, lefts, strict=True):
                if name in row.pictures:
                    place = left / PAPER_WIDTH_CM, (top - height) / height_cm, wide / PAPER_WIDTH_CM, height / height_cm
                    axis = figure.add_axes(place, label=name)
                    axis.imshow(row.pictures[name])
                    axis.set_axis_off()
            lines = [(row.kind, "tab:red" if row.kind == FAILURE else "black", "bold")] if row.kind else []
            lines += [(line, "black", "normal") for line in row.label.split("\n")]
            first = top - height / 2 + LINE_CM * len(lines) / 2
            for number, (text, colour, weight) in enumerate(lines):
                middle = first - LINE_CM * (number + 0.5)
                style = {"fontsize": 6.5, "color": colour, "weight": weight}
                write(text, LABELS_CM - 0.15, middle, ha="right", va="center_baseline", **style)
            top -= height
        if legend:
            patches = [matplotlib.patches.Patch(color=colour, label=short(name)) for name, colour in legend.items()]
            ncols = -(-len(legend) // legend_rows)
            figure.legend(handles=patches, loc="lower center", ncols=ncols, frameon=False, borderaxespad=0)
        save_paper_figure(figure, png, pdf)


def _height(row: Row, wide: float) -> float:
    """Return the height of a row in cm: of its pictures at the width `wide`, and enough for the text at its left."""
    pictures = max(min(picture.shape[0] / picture.shape[1], TALLEST) for picture in row.pictures.values())
    return max(wide * pictures, LINE_CM * (row.label.count("\n") + 1 + bool(row.kind)))
