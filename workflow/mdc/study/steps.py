"""What each step from maps to masks brings: every weak setting of a run beside the first one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mdc.config.config import Config
from mdc.config.experiments import DENSECRF, EXTERNAL, FUSED, PAMR, SALIENT, Experiment
from mdc.config.paths import Paths
from mdc.data.metrics import iou_of, known_mean
from mdc.runtime.files import write_whole
from mdc.study.claims import LAST_STAGE, STAGES, Claim, result_of
from mdc.study.names import STEP_TABLES
from mdc.study.runs import Dataset, Unit
from mdc.study.steps_page import draw_steps, steps_text
from mdc.study.tables import DIFFERENCE_COLUMNS, difference_row

STEP_COLUMNS = [*DIFFERENCE_COLUMNS[:-1], "miou"]  # without the unseen seed
CLASS_COLUMNS = ["dataset", "masks", "class", "iou"]
COST_COLUMNS = ["dataset", "masks", "seconds"]
WORDS = {
    FUSED: "",
    SALIENT: "salient pixels, class by the maps",
    DENSECRF: "dense CRF on the masks",
    PAMR: "PAMR on the masks",
    EXTERNAL: "another method's masks",
}
RULES = {
    FUSED: "fuse_masks",
    SALIENT: "fuse_salient_masks",
    DENSECRF: "refine_by_densecrf",
    PAMR: "refine_by_pamr",
    EXTERNAL: "copy_masks",
}


def steps_of(config: Config) -> list[Claim]:
    """Return a run's weak settings, each compared with the first one; the words name the producer and changed keys."""
    weak = _weak_settings(config)
    found = []
    for setting in weak:
        words = [WORDS[setting.producer], *changed_keys(config, setting)] if setting != weak[0] else ["as configured"]
        found.append(Claim(", ".join(filter(None, words)), setting.masks_name, weak[0].masks_name))
    return found


def saliency_alone_of(config: Config) -> list[Claim]:
    """Return the comparisons, after the CRF, of salient pixels with the fused maps of the same variant."""
    weak = _weak_settings(config)
    pairs = [(setting, replace(setting, producer=FUSED)) for setting in weak[1:] if setting.producer == SALIENT]
    return [
        Claim(WORDS[SALIENT], salient.masks_name, fused.masks_name, (LAST_STAGE,))
        for salient, fused in pairs
        if fused in weak[1:]  # the first one is compared with all of them already
    ]


def _weak_settings(config: Config) -> list[Experiment]:
    return [setting for setting in map(Experiment.parse, config.segmenter.settings) if setting.kind == "weak"]


def changed_keys(config: Config, setting: Experiment) -> list[str]:
    """Return what a setting's variant changes, each as `section.key: value`; nothing without one."""
    sections = config.variants[setting.variant].model_dump(exclude_unset=True) if setting.variant else {}
    return [f"{section}.{key}: {_shown(value)}" for section, keys in sections.items() for key, value in keys.items()]


def _shown(value: Any) -> str:
    """Return a value as one would write it in a configuration."""
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def steps_table(dataset: Dataset) -> pd.DataFrame:
    """Return a row per comparison and stage and one for true masks, columns `STEP_COLUMNS`: difference and score."""
    claims = [*steps_of(dataset.config), *saliency_alone_of(dataset.config)]
    claims.append(Claim("trained on true masks", "true-masks", "true-masks", (LAST_STAGE,)))
    rows = []
    for claim in claims:
        for stage in claim.stages:
            split, crf = STAGES[stage]
            first, second = ((split, result_of(name, stage), crf) for name in (claim.first, claim.second))
            if dataset.has(*first) and dataset.has(*second):
                head = (dataset.name, claim.words, stage, claim.first, claim.second)
                rows.append((*head, *difference_row(dataset, first, second), dataset.scores(*first).mean()))
    return pd.DataFrame(rows, columns=STEP_COLUMNS)


def classes_table(dataset: Dataset) -> pd.DataFrame:
    """Return each class's IoU on validation images with the CRF, in percent, averaged over seeds: `CLASS_COLUMNS`."""
    rows = []
    for masks in [*(step.first for step in steps_of(dataset.config)), "true-masks"]:
        result = ("val", result_of(masks, LAST_STAGE), True)
        if dataset.has(*result):
            values = np.stack([iou_of(dataset.pixels(unit, *result)[..., :3].sum(0)) for unit in dataset.units])
            means = [100 * known_mean(of_class) for of_class in values.T]
            rows += [(dataset.name, masks, *pair) for pair in zip(["background", *dataset.classes], means, strict=True)]
    return pd.DataFrame(rows, columns=CLASS_COLUMNS)


def costs_table(dataset: Dataset) -> pd.DataFrame:
    """Return the seconds per training image of the jobs that lead to each step's masks: columns `COST_COLUMNS`.

    They are those that Snakemake measured (the folder `benchmarks`), of one seed.
    """
    rows = []
    for step in steps_of(dataset.config):
        seconds = _seconds(dataset.config, dataset.units[0], Experiment.of_masks(step.first).masks(dataset.config))
        rows.append((dataset.name, step.first, seconds / len(dataset.manifest(dataset.units[0], "train"))))
    return pd.DataFrame(rows, columns=COST_COLUMNS)


def _seconds(config: Config, unit: Unit, masks: Experiment) -> float:
    network, source = f"{unit.classifier}/seed{unit.seed}", config.varied(masks.variant).saliency.source
    folders = (
        f"dump_cams/{network}/{Paths(config).maps_name(masks)}",
        f"{RULES[masks.producer]}/{network}/{masks.masks_name}",
        "run_saliency_network" if source == "onnx" else f"compute_saliency/{source}",
    )
    files = [path for folder in folders for path in (unit.run / "benchmarks" / folder).glob("train.*.tsv")]
    return float(sum(pd.read_csv(path, sep="\t")["s"].iloc[-1] for path in files))


def _masks_names(config: Config) -> list[str]:
    """Return the pseudo masks of a run's steps, once each."""
    names = [Experiment.of_masks(step.first).masks(config).masks_name for step in steps_of(config)]
    return list(dict.fromkeys(names))


def tabulate_steps(*, runs: Mapping[str, Sequence[Path]], draws: int, folder: Path) -> None:
    """Write to `folder` the tables `mdc.study.names.STEP_TABLES`, the page steps.md and, of built-in images, steps.png.

    Args:
        runs: name of a dataset -> folders of the runs on it.
        draws: bootstrap samples.

    Raises:
        InputError: a run is not finished or does not fit the others on its dataset.
    """
    datasets = [Dataset(name, folders, draws=draws) for name, folders in runs.items()]
    tables = {}
    for name, make in zip(STEP_TABLES, (steps_table, classes_table, costs_table), strict=True):
        tables[name] = pd.concat([make(dataset) for dataset in datasets]).round(4)
        write_whole(folder / f"{name}.csv", tables[name].to_csv(index=False).encode())
    # photographs are not ours to publish
    drawn = next((dataset for dataset in datasets if dataset.config.data.source == "synthetic"), None)
    page = steps_text(*tables.values(), pictures="steps.png" if drawn else "")
    write_whole(folder / "steps.md", page.encode())
    if drawn:
        unit, names = drawn.units[0], _masks_names(drawn.config)
        draw_steps(unit, drawn.scored(unit, "train"), names, folder / "steps.png", classes=drawn.classes)
