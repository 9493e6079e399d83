"""The finished runs of the study, and what is read from them.

A *unit* is one trained set of networks: a seed of a run. Units of one run share their images, so a bootstrap sample of
images is drawn once per run and used for all its units and all settings: differences are paired. An interval says how
far a number depends on the images, for the networks as they were trained; how far it depends on the seed is beside it.
"""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from mdc.config.config import Config
from mdc.config.experiments import Experiment
from mdc.data.manifest import read_manifest
from mdc.data.metrics import mean_iou_of
from mdc.data.text_lists import read_lines
from mdc.runtime.errors import InputError
from mdc.study.bootstrap import bootstrapped, resampled
from mdc.study.dataset_statistics import tag_counts

PIXELS = ("truth", "predicted", "hits", "labelled")
NOT_COMPARED = {"run", "seeds", "study", "device", "shards"}  # keys in which the runs on one dataset may differ


@dataclass(frozen=True)
class Unit:
    """One seed of one run."""

    run: Path
    seed: int
    classifier: str


def _comparable(config: Config) -> dict[str, Any]:
    """Return a configuration without what may differ between the runs on one dataset: names and seeds."""
    return config.model_dump(exclude=NOT_COMPARED | {"data"}) | config.data.model_dump(exclude={"synthetic": {"seed"}})


class Dataset:
    """The runs on one dataset, whose scores are read on first use.

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
                    raise InputError(f"study: {needed} is missing: finish the run {run.name} first")
            tables.append(pd.read_csv(run / "scores" / "summary.csv", dtype={"crf": str}).assign(run=run))
            configs.append(Config.model_validate(yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))))
            if len(configs[-1].classifier.networks) > 1:
                raise InputError(f"study: {run.name} has several classifiers: a run of the study has one")
            if tables[-1].empty:
                raise InputError(f"study: {run.name} has no scores: its images have no true masks")
            if _comparable(configs[-1]) != _comparable(configs[0]):
                raise InputError(
                    f"study: {run.name} and {runs[0].name} on {name} differ in more than seeds: give them "
                    "different names"
                )
        self.config = configs[0]
        self.summary = pd.concat(tables, ignore_index=True)
        units = self.summary[["run", "seed", "classifier"]].drop_duplicates()
        self.units = [Unit(*row) for row in units.itertuples(index=False)]
        seeds = [unit.seed for unit in self.units]
        if len(set(seeds)) < len(seeds):
            raise InputError(f"study: a seed of {name} is in two runs: each seed counts once")
        keys = self.summary.groupby("seed")[["split", "setting", "crf"]].apply(
            lambda rows: frozenset(map(tuple, rows.to_numpy()))
        )
        if keys.nunique() > 1:
            raise InputError(f"study: the runs on {name} have different results: finish all of them")
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
            name = replace(Experiment.parse(setting), crf=crf)
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
            values.append(mean_iou_of(self.pixels(unit, split, setting, crf)[chosen].sum(0)[:, :3], only_true=True))
        return 100 * np.array(values)

    def labelled(self, split: str, setting: str, crf: bool) -> tuple[float, float]:
        """Return the mIoU over the pixels that were given a label, and their share, in percent, averaged over units."""
        values = []
        for unit in self.units:
            truth, predicted, hits, labelled = self.pixels(unit, split, setting, crf).sum(0).T
            of_labelled = mean_iou_of(np.stack([labelled, predicted, hits], axis=1), only_true=True)
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
                raise InputError(f"study: {path} is missing: run the target study_measures of {unit.run.name}")
            yield unit, pd.read_csv(path, dtype=types)


def paired(first: Dataset, second: Dataset) -> tuple[Dataset, Dataset] | None:
    """Return two datasets with only the seeds that both have, to be compared on the same bootstrap samples of images.

    None if they have no seed in common, or one of them has several runs or other images than the other: then their
    samples would not be the same.
    """
    both = (first, second)
    if any(len({unit.run for unit in dataset.units}) > 1 for dataset in both):
        return None
    for split in ("train", "val"):
        images, others = (dataset.manifest(dataset.units[0], split)[["id", "tags", "digest"]] for dataset in both)
        if not images.equals(others):
            return None
    seeds = {unit.seed for unit in first.units} & {unit.seed for unit in second.units}
    found = (copy(first), copy(second))
    for dataset in found:
        dataset.units = sorted((unit for unit in dataset.units if unit.seed in seeds), key=lambda unit: unit.seed)
    return found if seeds else None


def spread(values: np.ndarray) -> float:
    """Return the standard deviation over seeds (of a sample), NaN for one seed."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
