"""Tables over several runs: every setting with spread and interval, and the paper's claims, each as a difference.

A *unit* is one trained set of networks: a seed of a run. Units of one run share their images, so a bootstrap sample of
images is drawn once per run and used for all its units and all settings: differences are paired. An interval tells how
far a number depends on the images; how far it depends on the seed is told beside it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from mdc.errors import InputError
from mdc.files import write_whole
from mdc.intervals import bootstrapped, interval, mean_iou_of, resampled
from mdc.manifest import read_manifest
from mdc.voc import read_lines

STAGES = {"pseudo masks": ("train", False), "segmenter": ("val", False), "segmenter + CRF": ("val", True)}
# (claim, better according to it, than): names of masks; only what the runs have is tabulated.
CLAIMS = [
    *((f"fusion over {name}, one threshold", "fusion", name) for name in ("d1", "d3", "d6", "d9", "mean")),
    *(
        (f"fusion over {name}, best thresholds", "fusion@best", f"{name}@best")
        for name in ("d1", "d3", "d6", "d9", "mean")
    ),
    ("maps over saliency alone, one threshold", "fusion", "salient-fusion"),
    ("maps over saliency alone, best threshold", "fusion@best", "salient-fusion"),
    ("a trained classifier over an untrained one", "fusion@best", "fusion@untrained"),
    ("online term after a warm-up over none", "fusion", "fusion@no-online"),
    ("online term after a warm-up over from the start", "fusion", "fusion@online-at-once"),
    ("background wins over conflicts ignored", "fusion@background-wins", "fusion@best"),
    ("object wins over conflicts ignored", "fusion@object-wins", "fusion@best"),
    ("conflicts ignored over background wins", "fusion@conflicts-ignored", "fusion@best"),
    ("saliency rbd over none", "fusion@best", "fusion@no-saliency"),
    ("true objects as saliency over rbd", "fusion@true-saliency", "fusion@best"),
    ("a segmenter that starts from the classifier over random", "fusion", "fusion@random-init"),
    ("true masks over weak ones", "true-masks", "fusion"),
]
CRF_CLAIM = "CRF over none"


@dataclass(frozen=True)
class Unit:
    """One seed of one run."""

    run: Path
    seed: int
    classifier: str


class Dataset:
    """The runs on one dataset, whose scores are read when they are asked for.

    Args:
        name: of the dataset.
        runs: folders `results/<run>`.
        draws: bootstrap samples.

    Raises:
        InputError: a run is not finished, or the runs have not the same results.
    """

    def __init__(self, name: str, runs: Sequence[Path], *, draws: int) -> None:
        self.name, self.draws = name, draws
        tables = []
        for run in runs:
            summary = run / "scores" / "summary.csv"
            if not summary.is_file():
                raise InputError(f"study.runs: {summary} is missing: finish the run {run.name} first (make study)")
            tables.append(pd.read_csv(summary, dtype={"crf": str}).assign(run=run))
        self.summary = pd.concat(tables, ignore_index=True)
        units = self.summary[["run", "seed", "classifier"]].drop_duplicates()
        self.units = [Unit(*row) for row in units.itertuples(index=False)]
        keys = self.summary.groupby(["run", "seed", "classifier"])[["split", "setting", "crf"]].apply(
            lambda rows: frozenset(map(tuple, rows.to_numpy()))
        )
        if keys.nunique() > 1:
            raise InputError(f"study.runs: the runs on {name} have not the same results: finish all of them")
        self.results = keys.iloc[0]
        self._pixels: dict[tuple, np.ndarray] = {}
        self._samples: dict[tuple, np.ndarray] = {}

    @cached_property
    def classes(self) -> int:
        """Number of foreground classes."""
        return len(read_lines(self.units[0].run / "data" / "classes.txt"))

    def has(self, split: str, setting: str, crf: bool) -> bool:
        """Return whether the runs have this result."""
        return (split, setting, str(crf).lower()) in self.results

    def manifest(self, unit: Unit, split: str) -> pd.DataFrame:
        """Return the images of a split that have a true mask."""
        table = read_manifest(unit.run / "data" / f"{split}.csv")
        return table[table["mask"] != ""]

    def pixels(self, unit: Unit, split: str, setting: str, crf: bool) -> np.ndarray:
        """Return what `intervals.mean_iou_of` takes, by image: int64 (N, C, 3)."""
        key = (unit, split, setting, crf)
        if key not in self._pixels:
            name = setting + ("-crf" if crf else "")
            path = unit.run / "scores" / unit.classifier / f"seed{unit.seed}" / split / f"{name}.pixels.csv"
            row = {image_id: number for number, image_id in enumerate(self.manifest(unit, split)["id"])}
            counts = np.zeros((len(row), self.classes + 1, 3), np.int64)
            table = pd.read_csv(path, dtype={"id": str}, keep_default_na=False)
            rows = table["id"].map(row)
            counts[rows, table["class"]] = table[["truth", "predicted", "hits"]].to_numpy()
            self._pixels[key] = counts
        return self._pixels[key]

    def scores(self, split: str, setting: str, crf: bool, images: str = "all") -> np.ndarray:
        """Return the mIoU of every unit, in percent: float64 (U,); `images` is all, one or several (tags)."""
        values = []
        for unit in self.units:
            tags = self.manifest(unit, split)["tags"].str.split(";").str.len().to_numpy()
            chosen = {"all": tags >= 0, "one": tags == 1, "several": tags > 1}[images]
            values.append(mean_iou_of(self.pixels(unit, split, setting, crf)[chosen].sum(0)))
        return 100 * np.array(values)

    def sampled(self, split: str, setting: str, crf: bool) -> np.ndarray:
        """Return the mean over units of the mIoU of every bootstrap sample, in percent: float64 (draws,)."""
        values = []
        for unit in self.units:
            pixels = self.pixels(unit, split, setting, crf)
            if (unit.run, split) not in self._samples:
                number = [other.run for other in self.units].index(unit.run)
                self._samples[unit.run, split] = resampled(len(pixels), draws=self.draws, seed=number)
            values.append(bootstrapped(pixels, self._samples[unit.run, split]))
        return 100 * np.mean(values, axis=0)

    def files(self, name: str) -> Iterator[tuple[Unit, Path]]:
        """Yield the measures `name`.csv of every unit."""
        for unit in self.units:
            path = unit.run / "study" / unit.classifier / f"seed{unit.seed}" / f"{name}.csv"
            if not path.is_file():
                raise InputError(f"study.runs: {path} is missing: run the target study_measures of {unit.run.name}")
            yield unit, path


def spread(values: np.ndarray) -> float:
    """Return the standard deviation over seeds (of a sample), NaN for one seed."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def results_table(dataset: Dataset, *, unseen_seed: int) -> pd.DataFrame:
    """Return a row per result: mean and spread over seeds, interval over images, the unseen seed, and by tags.

    Columns: dataset, split, setting, crf, seeds, miou, sd, low, high, unseen, one_tag, several_tags; in percent.
    """
    rows = []
    order = dataset.summary[["split", "setting", "crf"]].drop_duplicates()
    unseen = np.array([unit.seed == unseen_seed for unit in dataset.units])
    for split, setting, crf_text in order.itertuples(index=False):
        crf = crf_text == "true"
        values = dataset.scores(split, setting, crf)
        low, high = interval(dataset.sampled(split, setting, crf))
        rows.append(
            {
                "dataset": dataset.name,
                "split": split,
                "setting": setting,
                "crf": crf_text,
                "seeds": len(values),
                "miou": values.mean(),
                "sd": spread(values),
                "low": low,
                "high": high,
                "unseen": values[unseen].mean() if unseen.any() else np.nan,
                "one_tag": np.nanmean(dataset.scores(split, setting, crf, "one")),
                "several_tags": np.nanmean(dataset.scores(split, setting, crf, "several")),
            }
        )
    return pd.DataFrame(rows)


def seeds_table(dataset: Dataset) -> pd.DataFrame:
    """Return the mIoU, in percent, of every result and seed: dataset, split, setting, crf, seed, miou."""
    table = dataset.summary.assign(dataset=dataset.name, miou=100 * dataset.summary["miou"])
    return table[["dataset", "split", "setting", "crf", "seed", "miou"]]


def result_of(masks: str, stage: str) -> str:
    """Return the name of the result of masks such as `fusion@best`, `salient-fusion` or `true-masks` at a stage."""
    if masks == "true-masks":
        return masks
    if stage == "pseudo masks":
        return masks if masks.startswith("salient-") else f"pseudo-{masks}"
    return f"weak-{masks}"


def _difference(dataset: Dataset, first: tuple[str, str, bool], second: tuple[str, str, bool]) -> dict[str, float]:
    values = dataset.scores(*first) - dataset.scores(*second)
    low, high = interval(dataset.sampled(*first) - dataset.sampled(*second))
    return {
        "difference": values.mean(),
        "sd": spread(values),
        "low": low,
        "high": high,
        "seeds": len(values),
        "seeds_above": int((values > 0).sum()),
    }


def differences_table(dataset: Dataset) -> pd.DataFrame:
    """Return a row per claim and stage: the paired difference in mIoU, in points, of the first to the second setting.

    Columns: dataset, claim, stage, first, second, difference (mean over seeds), sd, low, high (interval over images),
    seeds, seeds_above (how many of them have the first above the second).
    """
    rows = []
    for claim, better, than in CLAIMS:
        for stage, (split, crf) in STAGES.items():
            pair = [(split, result_of(name, stage), crf) for name in (better, than)]
            if all(dataset.has(*result) for result in pair):
                head = {"dataset": dataset.name, "claim": claim, "stage": stage, "first": better, "second": than}
                rows.append(head | _difference(dataset, *pair))
    for setting in ("weak-fusion", "weak-d1", "weak-salient-fusion", "true-masks"):
        if dataset.has("val", setting, True):
            head = {
                "dataset": dataset.name,
                "claim": CRF_CLAIM,
                "stage": "segmenter",
                "first": setting,
                "second": setting,
            }
            rows.append(head | _difference(dataset, ("val", setting, True), ("val", setting, False)))
    return pd.DataFrame(rows)


def verdict(row: Mapping[str, float]) -> str:
    """Return whether a difference is shown: its interval leaves out 0 and all seeds agree on the sign."""
    if row["low"] > 0 and row["seeds_above"] == row["seeds"]:
        return "yes"
    if row["high"] < 0 and row["seeds_above"] == 0:
        return "no, the reverse"
    return "not shown"


def thresholds_table(dataset: Dataset) -> pd.DataFrame:
    """Return each pseudo mask setting's best threshold on the training images, by seed.

    Columns: dataset, maps, seed, threshold, miou (in percent).
    """
    rows = []
    for run in dict.fromkeys(unit.run for unit in dataset.units):
        table = pd.read_csv(run / "scores" / "best_thresholds.csv")
        rows.append(table.assign(dataset=dataset.name, miou=100 * table["miou"]))
    return pd.concat(rows)[["dataset", "maps", "seed", "threshold", "miou"]]


def measures_table(dataset: Dataset, name: str, keys: Sequence[str]) -> pd.DataFrame:
    """Return one of the tables of `mdc.measures`, its values averaged over the units, with the dataset's name."""
    # "true" and "false" positives are words, not booleans
    table = pd.concat([pd.read_csv(path, dtype={"positives": str}) for _, path in dataset.files(name)])
    if table.empty:
        return table.assign(dataset=[])
    mean = table.groupby(list(keys), sort=False).mean(numeric_only=True).reset_index()
    mean.insert(0, "dataset", dataset.name)
    return mean


MEASURES = {
    "regions": ["maps", "threshold"],
    "sizes": ["maps", "size", "threshold"],
    "seen": ["threshold", "positives", "blocks"],
    "response": ["maps", "region", "from_px", "to_px"],
    "precision": ["block"],
}


def tabulate_study(*, runs: Mapping[str, Sequence[Path]], unseen_seed: int, draws: int, folder: Path) -> None:
    """Write to `folder`, as CSV: results, seeds, differences, thresholds, calibration and `MEASURES`.

    Raises:
        InputError: a run is not finished.
    """
    tables: dict[str, list[pd.DataFrame]] = {}

    def add(name: str, table: pd.DataFrame) -> None:
        tables.setdefault(name, []).append(table)

    for name, folders in runs.items():
        dataset = Dataset(name, folders, draws=draws)
        add("results", results_table(dataset, unseen_seed=unseen_seed))
        add("seeds", seeds_table(dataset))
        add("differences", differences_table(dataset))
        add("thresholds", thresholds_table(dataset))
        for measure, keys in MEASURES.items():
            add(measure, measures_table(dataset, measure, keys))
        described = [pd.read_csv(run / "study" / "data.csv") for run in dict.fromkeys(u.run for u in dataset.units)]
        mean = pd.concat(described).groupby("measure", sort=False)["value"].mean().reset_index()
        add("calibration", mean.assign(dataset=name)[["dataset", "measure", "value"]])
    for name, parts in tables.items():
        filled = [part for part in parts if len(part)] or parts[:1]
        text = pd.concat(filled).round(4).to_csv(index=False)
        write_whole(folder / f"{name}.csv", text.encode())
