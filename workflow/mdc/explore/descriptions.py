"""Descriptions of a run and of an image for the page, as plain values for JSON."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import matplotlib
import numpy as np

from mdc.config.experiments import FUSED, Experiment
from mdc.data.labels import PALETTE
from mdc.data.manifest import tag_indices
from mdc.explore.gallery import SORTED_BY
from mdc.explore.open_image import OpenImage, files_elsewhere, image_row
from mdc.explore.runs import Result, Run, masks_behind
from mdc.explore.what_if import Settings, run_settings
from mdc.figures.pictures import VOID_SHADE
from mdc.runtime.errors import InputError

COLOUR_MAPS = ("viridis", "magma", "jet", "gray")
DEFAULT_MASKS = "fusion"


def described_run(run: Run, runs: Sequence[str]) -> dict[str, Any]:
    """Return what there is in a run: its splits with their results, maps and what is missing; classes and colours.

    `problems` has a sentence per file that is damaged. Raises InputError if the run has no classes.
    """
    problems, splits = [], {}
    for split in run.splits():
        try:
            images = run.images(split)
        except InputError as error:
            problems.append(str(error))
            continue
        if len(images):
            splits[split] = _described_split(run, split, problems) | {"images": len(images)}
    return {
        "name": run.name,
        "runs": list(runs),
        "splits": splits,
        "classes": ["background", *run.classes()],
        "palette": PALETTE[: len(run.classes()) + 1].tolist(),
        "void_shade": VOID_SHADE,
        "colour_maps": {name: _colours(name) for name in COLOUR_MAPS},
        "sorted_by": SORTED_BY,
        "problems": problems,
    }


def _described_split(run: Run, split: str, problems: list[str]) -> dict[str, Any]:
    results = []
    for result in run.results(split).values():
        try:
            is_scored = run.iou(result, split) is not None
        except InputError as error:
            problems.append(str(error))
            is_scored = False
        results.append({"key": result.key, "label": result.label, "scored": is_scored})
    first = default_result(run, split)
    return {
        "results": results,
        "default": first.key if first else "",
        "cams": run.cams(split),
        "saliency": run.saliency_sources(split),
        "missing": run.missing(split),
    }


def _colours(name: str) -> list[list[int]]:
    return (255 * matplotlib.colormaps[name](np.linspace(0, 1, 256))[:, :3]).round().astype(int).tolist()


def default_result(run: Run, split: str) -> Result | None:
    """Return the result to look at first: fused pseudo masks, else masks after the CRF, weak ones first, else any."""
    found = list(run.results(split).values())
    fused = [one for one in found if one.key.startswith("masks/") and one.key.endswith(f"/{DEFAULT_MASKS}")]
    refined = [one for one in found if one.key.startswith("crf/")]
    weak = [one for one in refined if one.name.startswith("weak-")]
    return next(iter([*fused, *weak, *refined, *found]), None)


def steps(run: Run, split: str, result: Result | None) -> dict[str, str]:
    """Return the keys of the masks that belong to a result, by stage, as far as there are: masks, predictions, crf.

    Of pseudo masks, these are the segmenter's that learns from them, else those of any that does from pseudo masks.
    """
    found = run.results(split)
    if result is None:
        return {}
    masks = masks_behind(run, result)
    asked = {"masks": f"masks/{result.network}/{masks.masks_name}"} if masks else {}
    setting = result.key.split("/")[-1] if not result.key.startswith("masks/") else _segmenter(run, result, found)
    asked |= {stage: f"{stage}/{result.network}/{setting}" for stage in ("predictions", "crf")}
    return {stage: key for stage, key in asked.items() if key in found}


def _segmenter(run: Run, result: Result, found: dict[str, Result]) -> str:
    same = [one for one in found.values() if one.network == result.network and one.key.startswith("predictions/")]
    learnt = [one for one in same if masks_behind(run, one) == masks_behind(run, result)]
    weak = [one for one in same if one.name.startswith("weak-")]
    return next((one.name for one in [*learnt, *weak, *same]), "")


def usual_settings(run: Run, split: str, result: Result | None, *, with_variant: bool = True) -> Settings | None:
    """Return the settings that a trial starts from: of the fused masks behind a result; None without maps.

    Without the variant they are those of the configuration that `config_lines` changes.

    Raises:
        InputError: see `mdc.explore.what_if.run_settings`.
    """
    cams = run.cams(split)
    if not cams:
        return None
    network = result.network if result else "/".join(cams[0].split("/")[1:3])
    masks = masks_behind(run, result) if result else None
    if masks is None or not masks.maps:
        masks = Experiment.of_masks(DEFAULT_MASKS)
    settings = run_settings(run, network, replace(masks if with_variant else masks.base, producer=FUSED))
    return settings if settings.cams in cams or not with_variant else None


def described_image(image: OpenImage, *, result: Result | None, usual: Settings | None) -> dict[str, Any]:
    """Return what there is of an image: size, classes, scores, the settings of its masks, and problems."""
    run, split, inputs, problems = image.run, image.split, image.inputs, []
    row = image_row(run, split, inputs.id)
    classes = run.classes()
    scores = {}
    for one in run.results(split).values():
        try:
            found = run.iou(one, split)
            scores |= {one.key: float(found[inputs.id])} if found is not None and inputs.id in found.index else {}
        except InputError as error:
            problems.append(str(error))
    shown, sources = steps(run, split, result), run.saliency_sources(split)
    keys = [*shown.values(), *(f"saliency/{source}" for source in sources)]
    problems += files_elsewhere(run, split, inputs.id, keys)
    height, width = inputs.size
    described = {
        "id": inputs.id,
        "height": height,
        "width": width,
        "own_size": [int(row.own_width), int(row.own_height)],
        "tags": [{"index": index, "name": classes[index - 1]} for index in tag_indices(row.tags, classes)],
        "truth": image.has_truth,
        "scores": {key: value for key, value in scores.items() if np.isfinite(value)},
        "steps": shown,
        "saliency": sources,
        "usual": asdict(usual) if usual else None,
        "blocks": [],
        "tag_probabilities": {},
        "problems": problems,
    }
    if inputs.cams is not None:
        described["blocks"] = inputs.info.blocks
        probabilities = 1 / (1 + np.exp(-inputs.cams.logits))
        described["tag_probabilities"] = {
            inputs.info.classes[index - 1]: probabilities[:, index - 1].tolist() for index in inputs.class_ids.tolist()
        }
    return described
