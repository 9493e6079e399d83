"""Tables over several runs: every setting with spread and interval, and the paper's claims, each as a difference.

A *unit* is one trained set of networks: a seed of a run. Units of one run share their images, so a bootstrap sample of
images is drawn once per run and used for all its units and all settings: differences are paired. An interval tells how
far a number depends on the images, for the networks as they were trained; how far it depends on the seed is told beside
it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from mdc.config.experiments import block_names
from mdc.data.manifest import read_manifest, tag_matrix
from mdc.data.text_lists import read_lines
from mdc.runtime.errors import InputError
from mdc.runtime.files import write_whole
from mdc.study.bootstrap import average_precision, bootstrapped, interval, mean_iou_of, resampled
from mdc.study.dataset_statistics import tag_counts

STAGES = {"pseudo masks": ("train", False), "segmenter": ("val", False), "segmenter + CRF": ("val", True)}
SINGLE_AND_MEAN = ("d1", "d3", "d6", "d9", "mean")
CONFLICT_RULES = {"ignore": "conflicts ignored", "background": "background wins", "object": "object wins"}
CONFLICT_VARIANTS = {"conflicts-ignored": "ignore", "background-wins": "background", "object-wins": "object"}
CRF_CLAIM = "CRF over none"
CRF_SETTINGS = ("weak-d1", "weak-fusion", "weak-salient-fusion", "true-masks")
PIXELS = ("truth", "predicted", "hits", "labelled")
RESULT_COLUMNS = ["dataset", "split", "setting", "crf", "seeds", "miou", "sd", "low", "high", "unseen"]
RESULT_COLUMNS += ["one_tag", "several_tags", "miou_labelled", "labelled"]
DIFFERENCE_COLUMNS = ["dataset", "claim", "stage", "first", "second"]
DIFFERENCE_COLUMNS += ["difference", "sd", "low", "high", "seeds", "seeds_above", "seeds_below", "unseen"]


@dataclass(frozen=True)
class Claim:
    """That masks made in the first way are better than in the second: names such as `fusion@best`, and what to say."""

    words: str
    first: str
    second: str
    stages: tuple[str, ...] = tuple(STAGES)


def claims_of(config: Mapping[str, Any]) -> list[Claim]:
    """Return what a run with this configuration can say about the paper's claims, if it has the settings.

    The words follow the configuration: what a variant is compared with is the configuration's own choice.
    """
    masks, segmenter = config["masks"], config["segmenter"]
    saliency, conflict = config["saliency"]["source"], masks["background_conflict"]
    warmup = segmenter["online_warmup_epochs"]
    online = f"online term after a warm-up of {warmup}" if warmup else "online term from the start"
    segmenters = tuple(STAGES)[1:]  # pseudo masks with fewer labels lose by the score's definition
    found = [
        *(Claim(f"fusion over {name}, one threshold", "fusion", name) for name in SINGLE_AND_MEAN),
        *(Claim(f"fusion over {name}, best thresholds", "fusion@best", f"{name}@best") for name in SINGLE_AND_MEAN),
        Claim("maps over saliency alone, one threshold", "fusion", "salient-fusion"),
        Claim("maps over saliency alone, best threshold", "fusion@best", "salient-fusion"),
        Claim("maps of a trained classifier over an untrained one's", "fusion@best", "fusion@untrained"),
        Claim(f"{online} over none", "fusion", "fusion@no-online", segmenters),
        Claim(f"{online} over from the start", "fusion", "fusion@online-at-once", segmenters),
        Claim(f"saliency {saliency} over none", "fusion@best", "fusion@no-saliency", segmenters),
        Claim(f"true objects as saliency over {saliency}", "fusion@true-saliency", "fusion@best"),
        Claim("true masks over weak ones", "true-masks", "fusion"),
    ]
    for variant, rule in CONFLICT_VARIANTS.items():
        if rule != conflict:
            words = f"{CONFLICT_RULES[rule]} over {CONFLICT_RULES[conflict]}"
            found.append(Claim(words, f"fusion@{variant}", "fusion@best", segmenters))
    return found


@dataclass(frozen=True)
class Unit:
    """One seed of one run."""

    run: Path
    seed: int
    classifier: str


def _comparable(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration without what may differ between the runs on one dataset: names and seeds."""
    rest = {key: value for key, value in config.items() if key not in ("run", "seeds", "study", "device", "shards")}
    data = {**rest["data"], "shapes": {**rest["data"]["shapes"], "seed": 0}}
    return {**rest, "data": data}


class Dataset:
    """The runs on one dataset, whose scores are read when they are asked for.

    Args:
        name: of the dataset.
        runs: folders `results/<run>`.
        draws: bootstrap samples.

    Raises:
        InputError: a run is not finished, has several classifiers or no scores, or the runs do not fit each other.
    """

    def __init__(self, name: str, runs: Sequence[Path], *, draws: int) -> None:
        self.name, self.draws = name, draws
        tables, configs = [], []
        for run in runs:
            for needed in (run / "scores" / "summary.csv", run / "config.yaml"):
                if not needed.is_file():
                    raise InputError(f"study.runs: {needed} is missing: finish the run {run.name} first (make study)")
            tables.append(pd.read_csv(run / "scores" / "summary.csv", dtype={"crf": str}).assign(run=run))
            configs.append(yaml.safe_load((run / "config.yaml").read_text()))
            if len(configs[-1]["classifier"]["blocks"]) > 1:
                raise InputError(f"study.runs: {run.name} has several classifiers: a run of the study has one")
            if tables[-1].empty:
                raise InputError(f"study.runs: {run.name} has no scores: its images have no true masks")
            if _comparable(configs[-1]) != _comparable(configs[0]):
                raise InputError(
                    f"study.runs: {run.name} and {runs[0].name} on {name} differ in more than seeds: name them apart"
                )
        self.config = configs[0]
        self.summary = pd.concat(tables, ignore_index=True)
        units = self.summary[["run", "seed", "classifier"]].drop_duplicates()
        self.units = [Unit(*row) for row in units.itertuples(index=False)]
        seeds = [unit.seed for unit in self.units]
        if len(set(seeds)) < len(seeds):
            raise InputError(f"study.runs: a seed of {name} is in two runs: each seed counts once")
        keys = self.summary.groupby("seed")[["split", "setting", "crf"]].apply(
            lambda rows: frozenset(map(tuple, rows.to_numpy()))
        )
        if keys.nunique() > 1:
            raise InputError(f"study.runs: the runs on {name} have not the same results: finish all of them")
        self.results = keys.iloc[0]
        self._pixels: dict[tuple, np.ndarray] = {}
        self._samples: dict[tuple, np.ndarray] = {}
        self._manifests: dict[tuple, pd.DataFrame] = {}

    @cached_property
    def classes(self) -> list[str]:
        """Names of the foreground classes."""
        return read_lines(self.units[0].run / "data" / "classes.txt")

    def has(self, split: str, setting: str, crf: bool) -> bool:
        """Return whether the runs have this result."""
        return (split, setting, str(crf).lower()) in self.results

    def manifest(self, unit: Unit, split: str) -> pd.DataFrame:
        """Return all images of a split."""
        if (unit.run, split) not in self._manifests:
            self._manifests[unit.run, split] = read_manifest(unit.run / "data" / f"{split}.csv")
        return self._manifests[unit.run, split]

    def scored(self, unit: Unit, split: str) -> pd.DataFrame:
        """Return the images of a split that have a true mask."""
        table = self.manifest(unit, split)
        return table[table["mask"] != ""]

    def samples(self, unit: Unit, split: str, images: int) -> np.ndarray:
        """Return the bootstrap samples of a run's images, the same for all that is measured on them."""
        if (unit.run, split, images) not in self._samples:
            number = [other.run for other in self.units].index(unit.run)
            self._samples[unit.run, split, images] = resampled(images, draws=self.draws, seed=number)
        return self._samples[unit.run, split, images]

    def pixels(self, unit: Unit, split: str, setting: str, crf: bool) -> np.ndarray:
        """Return, by image and class, the numbers of pixels `PIXELS`: int64 (N, C, 4)."""
        key = (unit, split, setting, crf)
        if key not in self._pixels:
            name = setting + ("-crf" if crf else "")
            path = unit.run / "scores" / unit.classifier / f"seed{unit.seed}" / split / f"{name}.pixels.csv"
            row = {image_id: number for number, image_id in enumerate(self.scored(unit, split)["id"])}
            counts = np.zeros((len(row), len(self.classes) + 1, len(PIXELS)), np.int64)
            table = pd.read_csv(path, dtype={"id": str}, keep_default_na=False)
            counts[table["id"].map(row), table["class"]] = table[list(PIXELS)].to_numpy()
            self._pixels[key] = counts
        return self._pixels[key]

    def scores(self, split: str, setting: str, crf: bool, images: str = "all") -> np.ndarray:
        """Return the mIoU of every unit, in percent: float64 (U,); `images` is all, one or several (tags)."""
        values = []
        for unit in self.units:
            tags = tag_counts(self.scored(unit, split))
            chosen = {"all": tags >= 0, "one": tags == 1, "several": tags > 1}[images]
            values.append(mean_iou_of(self.pixels(unit, split, setting, crf)[chosen].sum(0)[:, :3]))
        return 100 * np.array(values)

    def labelled(self, split: str, setting: str, crf: bool) -> tuple[float, float]:
        """Return the mIoU over the pixels that were given a label, and their share, in percent, averaged over units."""
        values = []
        for unit in self.units:
            truth, predicted, hits, labelled = self.pixels(unit, split, setting, crf).sum(0).T
            of_labelled = mean_iou_of(np.stack([labelled, predicted, hits], axis=1))
            values.append((of_labelled, labelled.sum() / max(truth.sum(), 1)))
        return tuple(100 * np.mean(values, axis=0))

    def sampled(self, split: str, setting: str, crf: bool) -> np.ndarray:
        """Return the mean over units of the mIoU of every bootstrap sample, in percent: float64 (draws,)."""
        values = []
        for unit in self.units:
            pixels = self.pixels(unit, split, setting, crf)[..., :3]
            values.append(bootstrapped(pixels, self.samples(unit, split, len(pixels))))
        return 100 * np.mean(values, axis=0)

    def measured(self, name: str, **types: type) -> Iterator[tuple[Unit, pd.DataFrame]]:
        """Yield the measures `name`.csv of every unit."""
        for unit in self.units:
            path = unit.run / "study" / unit.classifier / f"seed{unit.seed}" / f"{name}.csv"
            if not path.is_file():
                raise InputError(f"study.runs: {path} is missing: run the target study_measures of {unit.run.name}")
            yield unit, pd.read_csv(path, dtype=types)


def spread(values: np.ndarray) -> float:
    """Return the standard deviation over seeds (of a sample), NaN for one seed."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


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
        parts = [_mean(dataset.scores(*result, images)) for images in ("one", "several")]
        head = (dataset.name, split, setting, crf_text, len(values), values.mean(), spread(values), low, high)
        rows.append((*head, _mean(values[unseen]), *parts, *dataset.labelled(*result)))
    return pd.DataFrame(rows, columns=RESULT_COLUMNS)


def seeds_table(dataset: Dataset) -> pd.DataFrame:
    """Return the mIoU, in percent, of every result and seed: dataset, run, split, setting, crf, seed, miou."""
    table = dataset.summary.assign(
        dataset=dataset.name, miou=100 * dataset.summary["miou"], run=[run.name for run in dataset.summary["run"]]
    )
    return table[["dataset", "run", "split", "setting", "crf", "seed", "miou"]]


def result_of(masks: str, stage: str) -> str:
    """Return the name of the result of masks such as `fusion@best`, `salient-fusion` or `true-masks` at a stage."""
    if masks == "true-masks":
        return masks
    if stage == "pseudo masks":
        return masks if masks.startswith("salient-") else f"pseudo-{masks}"
    return f"weak-{masks}"


def differences_table(dataset: Dataset, *, unseen_seed: int) -> pd.DataFrame:
    """Return a row per claim and stage: the paired difference in mIoU, in points, of the first to the second setting.

    Columns `DIFFERENCE_COLUMNS`: mean and spread over seeds, interval over images, how many seeds have the first above
    and below the second, and the unseen seed alone.
    """
    rows = []
    unseen = np.array([unit.seed == unseen_seed for unit in dataset.units])

    def add(words: str, stage: str, names: tuple[str, str], *results: tuple[str, str, bool]) -> None:
        if not all(dataset.has(*result) for result in results):
            return
        first, second = results
        values = dataset.scores(*first) - dataset.scores(*second)
        low, high = interval(dataset.sampled(*first) - dataset.sampled(*second))
        counts = (len(values), int((values > 0).sum()), int((values < 0).sum()))
        head = (dataset.name, words, stage, *names)
        rows.append((*head, values.mean(), spread(values), low, high, *counts, _mean(values[unseen])))

    for claim in claims_of(dataset.config):
        for stage in claim.stages:
            split, crf = STAGES[stage]
            names = (claim.first, claim.second)
            add(claim.words, stage, names, *((split, result_of(name, stage), crf) for name in names))
    for setting in CRF_SETTINGS:
        add(CRF_CLAIM, "segmenter + CRF", (setting, setting), ("val", setting, True), ("val", setting, False))
    return pd.DataFrame(rows, columns=DIFFERENCE_COLUMNS)


def verdict(row: Mapping[str, float]) -> str:
    """Return whether a difference is shown: its interval leaves out 0, and all of at least two seeds have its sign."""
    if row["seeds"] > 1 and row["low"] > 0 and row["seeds_above"] == row["seeds"]:
        return "yes"
    if row["seeds"] > 1 and row["high"] < 0 and row["seeds_below"] == row["seeds"]:
        return "no, the reverse"
    return "not shown"


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
    names = block_names(next(iter(dataset.config["classifier"]["blocks"].values())))
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
            means[str(name)].append(_mean(average_precision(scores, tags)))
            drawn[str(name)].append(np.array([_mean(average_precision(scores, tags, taken)) for taken in samples]))
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
    """Return what the training images are like, averaged over the runs: dataset, measure, value."""
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
    for name, keys in MEASURES.items():
        tables[name] = [measures_table(dataset, name, keys) for dataset in datasets]
    for name, parts in tables.items():
        filled = [part for part in parts if len(part)] or parts[:1]
        write_whole(folder / f"{name}.csv", pd.concat(filled).round(4).to_csv(index=False).encode())
