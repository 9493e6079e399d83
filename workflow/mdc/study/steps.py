"""What each step from maps to masks brings: every weak setting of a run beside the plain one with the same saliency."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mdc.config.config import Config
from mdc.config.experiments import DENSECRF, FUSED, PAMR, SALIENT, Experiment
from mdc.config.paths import Paths
from mdc.data.metrics import iou_of, known_mean
from mdc.runtime.files import write_whole
from mdc.study.claims import STAGES, Claim, result_of
from mdc.study.names import STEP_TABLES
from mdc.study.runs import Dataset, Unit
from mdc.study.steps_page import LAST_STAGE, plot_steps, step_pictures, steps_text
from mdc.study.tables import DIFFERENCE_COLUMNS, difference_row

STEP_COLUMNS = [*DIFFERENCE_COLUMNS, "miou"]
CLASS_COLUMNS = ["dataset", "masks", "class", "iou"]
COST_COLUMNS = ["dataset", "masks", "seconds"]
WORDS = {FUSED: "", SALIENT: "saliency alone", DENSECRF: "dense CRF on the masks", PAMR: "PAMR on the masks"}
RULES = {FUSED: "fuse_masks", SALIENT: "fuse_salient_masks", DENSECRF: "refine_by_densecrf", PAMR: "refine_by_pamr"}


def steps_of(config: Config) -> list[Claim]:
    """Return a run's weak settings, each compared with the first one that has the same source of saliency.

    The first one of a source is compared with the first of all. The words name the producer and the variant's keys.
    """
    weak = [setting for setting in map(Experiment.parse, config.segmenter.settings) if setting.kind == "weak"]
    firsts: dict[str, str] = {}
    found = []
    for setting in weak:
        first = firsts.setdefault(config.varied(setting.variant).saliency.source, setting.masks_name)
        second = weak[0].masks_name if first == setting.masks_name else first
        words = [WORDS[setting.producer], *changed_keys(config, setting)]
        found.append(Claim(", ".join(filter(None, words)), setting.masks_name, second))
    return found


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
    """Return a row per step and stage and one for true masks, columns `STEP_COLUMNS`: paired difference and score."""
    compared = [(step.words, step.first, step.second, stage) for step in steps_of(dataset.config) for stage in STAGES]
    compared.append(("", "true-masks", "true-masks", LAST_STAGE))
    rows = []
    for words, *names, stage in compared:
        split, crf = STAGES[stage]
        first, second = ((split, result_of(name, stage), crf) for name in names)
        if dataset.has(*first) and dataset.has(*second):
            row = difference_row(dataset, first, second, unseen_seed=None)
            rows.append((dataset.name, words, stage, *names, *row, dataset.scores(*first).mean()))
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
    learnt = [Experiment.of_masks(step.first).masks(config).masks_name for step in steps_of(config)]
    return list(dict.fromkeys(learnt))


def tabulate_steps(*, runs: Mapping[str, Sequence[Path]], draws: int, folder: Path) -> None:
    """Write to `folder` the tables `mdc.study.names.STEP_TABLES`, the page steps.md and the figure steps.png.

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
    write_whole(folder / "steps.md", steps_text(*tables.values()).encode())
    drawn = {}
    for dataset in datasets:
        if dataset.config.data.source == "synthetic":  # photographs are not ours to publish
            unit = dataset.units[0]
            drawn[dataset.name] = step_pictures(unit, dataset.scored(unit, "train"), _masks_names(dataset.config))
    plot_steps(drawn, folder / "steps.png")
