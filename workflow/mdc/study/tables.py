"""Tables over several runs: every setting with spread and interval, and the paper's claims, each as a difference."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mdc.config.experiments import block_names
from mdc.data.manifest import tag_matrix
from mdc.data.metrics import known_mean
from mdc.runtime.errors import InputError
from mdc.runtime.files import write_whole
from mdc.study.bootstrap import average_precision, interval
from mdc.study.claims import (
    CRF_CLAIM,
    CRF_SETTINGS,
    LAST_STAGE,
    SINGLE_AND_MEAN,
    STAGES,
    between,
    claims_of,
    result_of,
)
from mdc.study.runs import Dataset, paired, spread

RESULT_COLUMNS = ["dataset", "split", "setting", "crf", "seeds", "miou", "sd", "low", "high", "unseen"]
RESULT_COLUMNS += ["one_tag", "several_tags", "miou_labelled", "labelled"]
DIFFERENCE_COLUMNS = ["dataset", "claim", "stage", "first", "second"]
DIFFERENCE_COLUMNS += ["difference", "sd", "low", "high", "seeds", "seeds_above", "seeds_below", "unseen"]
Result = tuple[str, str, bool]  # split, setting, whether with the CRF


def results_table(dataset: Dataset, *, unseen_seed: int) -> pd.DataFrame:
    """Return a row per result, columns `RESULT_COLUMNS`, in percent.

    Mean and spread over seeds, interval over images, the unseen seed alone, images with one tag and with several, and
    the mIoU over the pixels that were given a label, with their share: unlabelled ones count as misses elsewhere.
    """
    rows = []
    order = dataset.summary[["split", "setting", "crf"]].drop_duplicates()
    unseen = np.array([unit.seed == unseen_seed for unit in dataset.units])
    for split, setting, crf_text in order.itertuples(index=False):
        result = (split, setting, crf_text == "true")
        values = dataset.scores(*result)
        low, high = interval(dataset.sampled(*result))
        parts = [known_mean(dataset.scores(*result, images)) for images in ("one", "several")]
        head = (dataset.name, split, setting, crf_text, len(values), values.mean(), spread(values), low, high)
        rows.append((*head, known_mean(values[unseen]), *parts, *dataset.labelled(*result)))
    return pd.DataFrame(rows, columns=RESULT_COLUMNS)


def seeds_table(dataset: Dataset) -> pd.DataFrame:
    """Return the mIoU, in percent, of every result and seed: dataset, run, split, setting, crf, seed, miou."""
    table = dataset.summary.assign(
        dataset=dataset.name, miou=100 * dataset.summary["miou"], run=[run.name for run in dataset.summary["run"]]
    )
    return table[["dataset", "run", "split", "setting", "crf", "seed", "miou"]]


def differences_table(dataset: Dataset, *, unseen_seed: int) -> pd.DataFrame:
    """Return a row per claim and stage: the paired difference in mIoU, in points, of the first to the second setting.

    Columns `DIFFERENCE_COLUMNS`: mean and spread over seeds, interval over images, how many seeds have the first above
    and below the second, and the unseen seed alone.
    """
    rows = []

    def add(words: str, stage: str, names: tuple[str, str], *results: Result) -> None:
        if all(dataset.has(*result) for result in results):
            rows.append((dataset.name, words, stage, *names, *_row(dataset, *results, unseen_seed=unseen_seed)))

    for claim in claims_of(dataset.config):
        for stage in claim.stages:
            split, crf = STAGES[stage]
            names = (claim.first, claim.second)
            add(claim.words, stage, names, *((split, result_of(name, stage), crf) for name in names))
    for setting in CRF_SETTINGS:
        add(CRF_CLAIM, LAST_STAGE, (setting, setting), ("val", setting, True), ("val", setting, False))
    return pd.DataFrame(rows, columns=DIFFERENCE_COLUMNS)


def datasets_table(dataset: Dataset, other: Dataset, *, unseen_seed: int) -> pd.DataFrame:
    """Return the paired difference in mIoU of two runs' results on the same images, such as with another encoder.

    Columns `DIFFERENCE_COLUMNS`, a row per stage and masks at one threshold that both have; no row if the images differ
    (`mdc.study.runs.paired`).
    """
    rows, pair = [], paired(dataset, other)
    for masks in (*SINGLE_AND_MEAN, "fusion", "true-masks") if pair else ():
        for stage, (split, crf) in STAGES.items():
            result = (split, result_of(masks, stage), crf)
            if not all(part.has(*result) for part in pair):
                continue
            row = _row(pair[0], result, result, of=pair[1], unseen_seed=unseen_seed)
            *_, above, below, _ = row
            if above or below:  # else it is the same network, as what differs has nothing to do with it
                rows.append((dataset.name, between(dataset.name, other.name), stage, masks, masks, *row))
    return pd.DataFrame(rows, columns=DIFFERENCE_COLUMNS)


def _row(dataset: Dataset, first: Result, second: Result, *, unseen_seed: int, of: Dataset | None = None) -> tuple:
    """Return `difference_row`, and the difference of the unseen seed alone."""
    values = dataset.scores(*first) - (of or dataset).scores(*second)
    unseen = np.array([unit.seed == unseen_seed for unit in dataset.units])
    return *difference_row(dataset, first, second, of=of), known_mean(values[unseen])


def difference_row(dataset: Dataset, first: Result, second: Result, *, of: Dataset | None = None) -> tuple[float, ...]:
    """Return the paired difference of two results: columns `difference` to `seeds_below` of `DIFFERENCE_COLUMNS`.

    The second result is of the same dataset, or `of` one whose units and images are the same.
    """
    of = of or dataset
    values = dataset.scores(*first) - of.scores(*second)
    low, high = interval(dataset.sampled(*first) - of.sampled(*second))
    return values.mean(), spread(values), low, high, len(values), int((values > 0).sum()), int((values < 0).sum())


def thresholds_table(dataset: Dataset) -> pd.DataFrame:
    """Return each pseudo mask setting's best threshold on the training images, by seed.

    Columns: dataset, maps, seed, threshold, miou (in percent).
    """
    tables = [
        pd.read_csv(run / "scores" / "best_thresholds.csv") for run in dict.fromkeys(u.run for u in dataset.units)
    ]
    table = pd.concat(tables).assign(dataset=dataset.name)
    return table.assign(miou=100 * table["miou"])[["dataset", "maps", "seed", "threshold", "miou"]]


def measures_table(dataset: Dataset, name: str, keys: Sequence[str]) -> pd.DataFrame:
    """Return a table of `mdc.study.map_analysis` averaged over the units, each value with its spread `<value>_sd`."""
    # "true" and "false" positives are words, not booleans
    table = pd.concat([part for _, part in dataset.measured(name, positives=str)])
    values = [column for column in table.columns if column not in keys]
    groups = table.groupby(list(keys), sort=False)[values]
    both = groups.mean().join(groups.std(ddof=1).add_suffix("_sd")).reset_index()
    both.insert(0, "dataset", dataset.name)
    return both


def contrast_table(dataset: Dataset) -> pd.DataFrame:
    """Return how much more the maps answer on a body than elsewhere at the same distance from the same head.

    Columns: dataset, maps, region, contrast (mean over images and units), sd (over units), low, high (interval over
    images). About 0 where maps draw a circle around the head (paper §3.1).
    """
    found: dict[tuple[str, str], list[tuple[float, np.ndarray]]] = {}
    for unit, table in dataset.measured("contrast", id=str):
        ids = list(dataset.scored(unit, "train")["id"])
        samples = dataset.samples(unit, "train", len(ids))
        row = {image_id: number for number, image_id in enumerate(ids)}
        for key, part in table.groupby(["maps", "region"], sort=False):
            values, known = np.zeros(len(ids)), np.zeros(len(ids))
            values[part["id"].map(row)], known[part["id"].map(row)] = part["contrast"], 1
            drawn = (samples @ values) / np.maximum(samples @ known, 1)
            found.setdefault(key, []).append((part["contrast"].mean(), drawn))
    rows = []
    for (maps, region), units in found.items():
        means = np.array([mean for mean, _ in units])
        low, high = interval(np.mean([drawn for _, drawn in units], axis=0))
        rows.append((dataset.name, maps, region, means.mean(), spread(means), low, high))
    return pd.DataFrame(rows, columns=["dataset", "maps", "region", "contrast", "sd", "low", "high"])


def precision_table(dataset: Dataset) -> pd.DataFrame:
    """Return each block's mean average precision on val with spread and interval, and the classes' prevalence.

    Columns: dataset, block, map, sd, low, high, prevalence (what chance would have), images; shares in 0..1.
    """
    names = block_names(dataset.config.dilations(next(iter(dataset.config.classifier.networks))))
    means: dict[str, list[float]] = {name: [] for name in names}
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in names}
    prevalence = []
    for unit, table in dataset.measured("logits", id=str):
        val = dataset.manifest(unit, "val")
        if val.empty:
            continue
        tags = tag_matrix(val, dataset.classes)
        prevalence.append(tags[:, tags.any(0)].mean())
        samples = dataset.samples(unit, "val", len(val))
        for name, part in table.groupby("block", sort=False):
            scores = part.set_index("id").loc[list(val["id"])].drop(columns="block").to_numpy()
            means[str(name)].append(known_mean(average_precision(scores, tags)))
            drawn[str(name)].append(np.array([known_mean(average_precision(scores, tags, taken)) for taken in samples]))
    rows = [
        (
            dataset.name,
            name,
            np.mean(means[name]),
            spread(np.array(means[name])),
            *interval(np.mean(drawn[name], axis=0)),
        )
        for name in names
        if means[name]
    ]
    table = pd.DataFrame(rows, columns=["dataset", "block", "map", "sd", "low", "high"])
    images = len(dataset.manifest(dataset.units[0], "val"))
    return table.assign(prevalence=np.mean(prevalence) if prevalence else np.nan, images=images)


def calibration_table(dataset: Dataset) -> pd.DataFrame:
    """Return statistics of the training images, averaged over the runs: dataset, measure, value."""
    tables = [pd.read_csv(run / "study" / "data.csv") for run in dict.fromkeys(unit.run for unit in dataset.units)]
    mean = pd.concat(tables).groupby("measure", sort=False)["value"].mean().reset_index()
    return mean.assign(dataset=dataset.name)[["dataset", "measure", "value"]]


MEASURES = {
    "regions": ["maps", "threshold"],
    "sizes": ["maps", "size", "threshold"],
    "seen": ["threshold", "positives", "blocks"],
    "response": ["maps", "region", "from_px", "to_px"],
}


def tabulate_study(*, runs: Mapping[str, Sequence[Path]], unseen_seed: int, draws: int, folder: Path) -> None:
    """Write to `folder`, as CSV, the tables `mdc.study.names.STUDY_TABLES`, each over all datasets.

    Args:
        runs: name of a dataset -> folders of the runs on it.
        unseen_seed: shown apart.
        draws: bootstrap samples.

    Raises:
        InputError: there is no run, or one is not finished or does not fit the others.
    """
    if not runs:
        raise InputError("study.runs: no run is named: `make study` makes the runs and names them")
    makers: dict[str, Callable[[Dataset], pd.DataFrame]] = {
        "results": lambda dataset: results_table(dataset, unseen_seed=unseen_seed),
        "seeds": seeds_table,
        "differences": lambda dataset: differences_table(dataset, unseen_seed=unseen_seed),
        "thresholds": thresholds_table,
        "calibration": calibration_table,
        "contrast": contrast_table,
        "precision": precision_table,
    }
    datasets = [Dataset(name, folders, draws=draws) for name, folders in runs.items()]
    tables = {name: [make(dataset) for dataset in datasets] for name, make in makers.items()}
    later_and_earlier = [(b, a) for a, b in itertools.combinations(datasets, 2)]
    tables["differences"] += [datasets_table(*pair, unseen_seed=unseen_seed) for pair in later_and_earlier]
    for name, keys in MEASURES.items():
        tables[name] = [measures_table(dataset, name, keys) for dataset in datasets]
    for name, parts in tables.items():
        filled = [part for part in parts if len(part)] or parts[:1]
        write_whole(folder / f"{name}.csv", pd.concat(filled).round(4).to_csv(index=False).encode())
