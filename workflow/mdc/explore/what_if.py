"""Pseudo masks with other settings than the run's, made of its stored maps by the functions that the workflow uses."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from pydantic import ValidationError

from mdc.config.experiments import Experiment
from mdc.config.load import sentences
from mdc.config.parameters import recipe
from mdc.config.paths import Paths
from mdc.config.stages import BEST, Masks
from mdc.data.mask_sizes import nearest
from mdc.data.metrics import class_iou, confusion, summary
from mdc.explore.open_image import OpenImage, open_image
from mdc.explore.runs import Run
from mdc.masks.best_threshold import best_threshold
from mdc.masks.fusion import Recipe, pseudo_mask, rectified
from mdc.runtime.errors import InputError

REPORT_EVERY = 10  # images of a sample
PROBLEMS_TOLD = 20


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the pseudo mask of an image is made.

    Attributes:
        cams: key of the localization maps.
        maps: a map setting of `mdc.masks.fusion.fuse`; without meaning where there are `weights`.
        weights: of the blocks' rectified maps, which are added up; empty for `maps`.
        source: of the saliency maps; `none` without.
    """

    cams: str
    maps: str
    source: str
    recipe: Recipe
    weights: tuple[float, ...] = ()


def run_settings(run: Run, network: str, masks: Experiment) -> Settings:
    """Return the settings behind the fused masks of the maps of `masks`, as the run's configuration has them.

    Raises:
        InputError: the best threshold is configured, and its sweep is missing or damaged.
    """
    config, _ = run.config()
    paths = Paths(config)
    fields = recipe(config, masks)
    section = config.varied(masks.variant)
    if fields["threshold"] == BEST:
        sweep = run.folder / Path(paths.sweep(network, masks)).relative_to(paths.run)
        try:
            fields["threshold"] = best_threshold(pd.read_csv(sweep), source=sweep)
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{sweep}: no readable sweep for the best threshold yet ({error})") from error
    # the cue that the run does not use starts from the key's default
    unused = "background_below" if section.has_saliency else "background_saliency_below"
    fields[unused] = getattr(section.masks, unused)
    return Settings(
        cams=f"cams/{network}/{paths.maps_name(masks)}",
        maps=masks.maps,
        source=section.saliency.source,
        recipe=Recipe(**fields),
    )


def made_mask(image: OpenImage, settings: Settings) -> np.ndarray:
    """Return the pseudo mask of an image, uint8 (H, W), 255 where unlabelled; raises InputError as the image does."""
    saliency = None if settings.source == "none" else image.saliency()
    return pseudo_mask(used_maps(image, settings), image.inputs.class_ids, saliency, settings.recipe)


def used_maps(image: OpenImage, settings: Settings) -> np.ndarray:
    """Return the maps that the mask is made of, float32 (T, H, W)."""
    if not settings.weights:
        return image.fused_maps(settings.maps)
    return image.keep(lambda: _weighted(image, settings.weights), "weighted", settings.weights, only_newest=True)


def _weighted(image: OpenImage, weights: Sequence[float]) -> np.ndarray:
    cams, info = image.inputs.cams, image.inputs.info
    height, width = image.inputs.size
    scaled = rectified(cams.maps, rows=info.grid.features_on(height), columns=info.grid.features_on(width))
    return info.grid.upsample(np.tensordot(np.float32(weights), scaled, axes=1), height=height, width=width)


def confusion_of(image: OpenImage, mask: np.ndarray) -> np.ndarray:
    """Return the confusion of a mask with the true mask, at the photo's own size as in `mdc.scores.compare`."""
    truth = image.own_truth()
    return confusion(truth, nearest(mask, height=truth.shape[0], width=truth.shape[1]), classes=image.classes)


def scored(table: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """Return the measures of `mdc.data.metrics.summary` and `iou`, by name of the classes that occur; all in 0..1."""
    values = zip(["background", *classes], class_iou(table).tolist(), strict=True)
    return summary(table) | {"iou": {name: value for name, value in values if not np.isnan(value)}}


def sample_of(ids: Sequence[str], size: int) -> list[str]:
    """Return `size` of the ids, evenly spaced; all of them if there are fewer."""
    places = np.linspace(0, len(ids) - 1, min(size, len(ids))).round().astype(int)
    return [ids[place] for place in places]


def try_on_sample(
    run: Run, split: str, ids: Sequence[str], tried: Settings, usual: Settings
) -> Iterator[dict[str, Any]]:
    """Yield, every few images and at the end, how the tried and the run's usual settings score on a sample.

    Each is `done`, `total`, `tried` and `usual`, both as `scored`, `skipped`, the number of images of which a file is
    missing or damaged, and `problems`, a sentence each of the first of these.
    """
    classes = run.classes()
    tables = np.zeros((2, len(classes) + 1, len(classes) + 2), np.int64)
    skipped: list[str] = []
    for done, image_id in enumerate(ids, start=1):
        try:
            tables += _confusions(run, split, image_id, [tried, usual])
        except InputError as error:
            skipped.append(str(error))
        if done % REPORT_EVERY == 0 or done == len(ids):
            ours, theirs = (scored(table, classes) for table in tables)
            yield {"done": done, "total": len(ids), "tried": ours, "usual": theirs} | {
                "skipped": len(skipped),
                "problems": skipped[:PROBLEMS_TOLD],
            }


def _confusions(run: Run, split: str, image_id: str, several: Sequence[Settings]) -> np.ndarray:
    places = {(settings.cams, settings.source) for settings in several}
    images = {place: open_image(run, split, image_id, cams=place[0], source=place[1]) for place in places}
    opened = [images[settings.cams, settings.source] for settings in several]
    return np.stack(
        [confusion_of(one, made_mask(one, settings)) for one, settings in zip(opened, several, strict=True)]
    )


def config_lines(run: Run, tried: Settings, base: Settings, *, blocks: Sequence[str], said: str) -> str:
    """Return the lines of configuration that make the run's masks as tried: the keys that differ from the run's.

    Args:
        base: the settings of the run without a variant.
        blocks: names of the blocks that weights are of.
        said: first line, as a comment.
    """
    unused = "background_saliency_below" if tried.source == "none" else "background_below"
    base_keys = asdict(base.recipe)
    keys = {name: value for name, value in asdict(tried.recipe).items() if name != unused}
    values: dict[str, Any] = {"masks": {name: value for name, value in keys.items() if value != base_keys[name]}}
    if tried.cams != base.cams:  # of a variant, whose name is that of its maps
        values["cams"] = run.config()[0].variants[tried.cams.split("/")[-1]].cams.model_dump(exclude_unset=True)
    if tried.source != base.source:
        values["saliency"] = {"source": tried.source}
    if tried.maps != base.maps and not tried.weights:
        values["segmenter"] = {"settings": [f"weak-{tried.maps}"]}
    lines = [f"# {said}"]
    if tried.weights:
        listed = ", ".join(f"{weight:g} {name}" for weight, name in zip(tried.weights, blocks, strict=True))
        lines.append(f"# The maps were {listed}: no key sets weights of dilations.")
    values = {section: content for section, content in values.items() if content}
    if values:
        command = f"snakemake --configfile results/{run.name}/config.yaml tried.yaml --config run={run.name}-tried"
        lines.append(f"# {command}")
        lines.append(yaml.safe_dump(values, sort_keys=False).rstrip())
    else:
        lines.append("# These are the keys of the run.")
    return "\n".join(lines) + "\n"


def checked_settings(
    values: dict[str, Any], usual: Settings, *, blocks: Sequence[str], sources: Sequence[str]
) -> Settings:
    """Return the usual settings replaced by `values`: fields of `Recipe`, `maps`, `weights` and `source`.

    Args:
        blocks: names of the blocks of the maps.
        sources: of the saliency maps that there are.

    Raises:
        InputError: a value is none that the configuration could have, or fits no maps.
    """
    names = {name: values[name] for name in asdict(usual.recipe) if name in values}
    try:
        section = Masks.model_validate(names)
        weights = tuple(float(weight) for weight in values["weights"].split(",")) if values.get("weights") else ()
        if not all(0 <= weight <= 10 for weight in weights) or (weights and not any(weights)):
            raise ValueError("weights are between 0 and 10, and not all 0")
        if weights and len(weights) != len(blocks):
            raise ValueError(f"there are {len(blocks)} blocks and {len(weights)} weights")
        if section.threshold == BEST:
            raise ValueError(f"the threshold is a number here, not {BEST}")
    except ValidationError as error:
        raise InputError(f"these settings are not possible: {'; '.join(sentences(error, Masks))}") from error
    except ValueError as error:
        raise InputError(f"these settings are not possible: {error}") from error
    maps, source = values.get("maps", usual.maps), values.get("source", usual.source)
    if maps not in (*blocks, "fusion", "mean"):
        raise InputError(f"unknown maps {maps}; known: {', '.join(blocks)}, fusion, mean")
    if source not in ("none", *sources):
        raise InputError(f"unknown saliency {source}; known: {', '.join(['none', *sources])}")
    return replace(
        usual,
        maps=maps,
        weights=weights,
        source=source,
        recipe=replace(usual.recipe, **{name: getattr(section, name) for name in names}),
    )
