"""What a results folder has, found by looking: it may be partial, still written to, or damaged. Nothing is written."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import yaml
from pydantic import ValidationError

from mdc.cams.files import cams_ids, cams_info
from mdc.config.config import Config
from mdc.config.experiments import Experiment
from mdc.config.load import sentences
from mdc.config.plan import Plan
from mdc.data.class_names import class_names
from mdc.data.manifest import read_manifest
from mdc.explore.file_cache import FileCache, file_state
from mdc.figures.pictures import read_scores
from mdc.masks.certainty import read_certainty
from mdc.predictions.files import scores_ids
from mdc.runtime.errors import InputError
from mdc.storage.image_tables import read_table
from mdc.storage.shards import shards_on_disk

T = TypeVar("T")
SPLITS = ("train", "val", "test")
TABLES_KEPT = 200
LOOK_AGAIN_S = 2.0  # seconds after which new files are seen


@dataclass(frozen=True)
class Result:
    """Masks of a split that a run made.

    Attributes:
        key: where they lie below the run's folder: masks, predictions or crf, classifier, seed and setting.
        name: as tables of scores call them: pseudo-fusion, weak-fusion-crf.
    """

    key: str
    name: str

    @classmethod
    def of(cls, key: str) -> "Result":
        """Return the result at `key`."""
        stage, _, _, setting = key.split("/")
        return cls(key, {"masks": f"pseudo-{setting}", "crf": f"{setting}-crf"}.get(stage, setting))

    @property
    def network(self) -> str:
        """The classifier and the seed, as a part of paths."""
        return "/".join(self.key.split("/")[1:3])

    @property
    def label(self) -> str:
        """The name that people read."""
        classifier, seed = self.network.split("/")
        return f"{self.name} ({classifier}, {seed.replace('seed', 'seed ')})"


class Run:
    """A results folder.

    Attributes:
        folder: results/<run>.
        name: of the folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder.resolve(), folder.resolve().name
        self._cache = FileCache(TABLES_KEPT)
        self._seen: dict[tuple[str, ...], tuple[float, Any]] = {}

    def _recent(self, look: Callable[[], T], *key: str) -> T:
        """Return what `look` finds in folders, not looking again within `LOOK_AGAIN_S` seconds."""
        seen = self._seen.get(key)
        if seen is None or time.monotonic() - seen[0] > LOOK_AGAIN_S:
            seen = self._seen[key] = (time.monotonic(), look())
        return seen[1]

    def located(self, path: str) -> Path:
        """Return where a file lies that a table of the run names, relative to the folder the workflow ran in.

        What lies below results/<run> is looked for below this folder first, as runs are copied and renamed.
        """
        named, parts = self.folder.parent.parent / path, Path(path).parts
        if parts[:1] != ("results",):
            return named  # an absolute path stays what it is
        inside = self.folder.joinpath(*parts[2:])
        return named if parts[1] != self.name and named.exists() and not inside.exists() else inside

    def elsewhere(self, path: str) -> str:
        """Return a sentence if a file that a table of the run names lies in another run's folder only; else nothing."""
        if not path.startswith("results/") or path.startswith(f"results/{self.name}/"):
            return ""
        found = self.located(path)
        lacked = Path(*Path(path).parts[2:])
        return "" if found.is_relative_to(self.folder) else f"{self.folder} has no {lacked}: {found} is shown"

    # -- data ----------------------------------------------------------------------------------------------------------

    def splits(self) -> list[str]:
        """Return the splits that have a table of images."""
        return [split for split in SPLITS if file_state(self.folder / f"data/{split}.csv")]

    def images(self, split: str) -> pd.DataFrame:
        """Return the manifest of a split, indexed by id (see `mdc.data.manifest.read_manifest`); raises InputError."""
        path = self.folder / f"data/{split}.csv"
        return self._cache.get(
            lambda: read_manifest(path).set_index("id", drop=False).rename_axis(None), path, files=(path,)
        )

    def classes(self) -> tuple[str, ...]:
        """Return the names of the foreground classes; raises InputError."""
        path = self.folder / "data/classes.txt"
        names = self._cache.get(lambda: class_names(path.parent), path, files=(path,))
        if names is None:
            raise InputError(f"{path}: there is no such file; run the target data")
        return names

    # -- what was made of them -----------------------------------------------------------------------------------------

    def files(self, key: str, split: str, ending: str) -> list[Path]:
        """Return the file of a split below the folder `key` that has all shards, else the shards that are there."""
        return self._recent(lambda: self._files(key, split, ending), "files", key, split, ending)

    def _files(self, key: str, split: str, ending: str) -> list[Path]:
        begin = self.folder / key / split
        whole = begin.with_name(f"{split}{ending}")
        if file_state(whole):
            return [whole]
        pattern = f"{begin}.{{shard}}-of-{{shards}}{ending}"
        found = shards_on_disk(pattern)
        shards = max(found, key=lambda count: (found[count] / count, count), default=0)
        paths = (Path(pattern.format(shard=shard, shards=shards)) for shard in range(shards))
        return [path for path in paths if file_state(path)]

    def _keys(self, stages: tuple[str, ...], split: str, ending: str, *, depth: int) -> list[str]:
        def look() -> list[str]:
            patterns = ["/".join([stage, *depth * ["*"]]) for stage in stages]
            folders = [path for pattern in patterns for path in sorted(self.folder.glob(pattern))]
            keys = [path.relative_to(self.folder).as_posix() for path in folders]
            return [key for key in keys if self.files(key, split, ending)]

        return self._recent(look, "keys", *stages, split)

    def results(self, split: str) -> dict[str, Result]:
        """Return the masks of a split, by key."""
        keys = self._keys(("masks", "predictions", "crf"), split, ".csv", depth=3)
        return {key: Result.of(key) for key in keys}

    def cams(self, split: str) -> list[str]:
        """Return the keys of the localization maps of a split: cams/<classifier>/seed<seed>/<maps>."""
        return self._keys(("cams",), split, ".h5", depth=3)

    def blocks(self, key: str, split: str) -> list[str]:
        """Return the names of the blocks whose localization maps lie below `key`; raises InputError."""
        path = self.files(key, split, ".h5")[0]
        return self._cache.get(lambda: cams_info(path).blocks, "blocks", path, files=(path,))

    def saliency_sources(self, split: str) -> list[str]:
        """Return the sources of saliency maps of a split."""
        return [key.split("/")[1] for key in self._keys(("saliency",), split, ".csv", depth=1)]

    def pictures(self, key: str, split: str) -> dict[str, str]:
        """Return id -> path of the pictures of a split below the folder `key`; raises InputError."""
        paths = self.files(key, split, ".csv")
        return self._cache.get(lambda: read_table(paths), key, split, *paths, files=tuple(paths))

    def picture(self, key: str, split: str, image_id: str) -> Path:
        """Return the picture of an image below the folder `key`; raises InputError if there is none."""
        found = self.pictures(key, split).get(image_id)
        if found is None:
            raise InputError(f"{self.folder / key}: no picture of {image_id} yet")
        return self.located(found)

    def store_of(self, key: str, split: str, image_id: str) -> Path:
        """Return the HDF5 file with an image's maps or scores; raises InputError if there is none."""
        read = cams_ids if key.startswith("cams/") else scores_ids
        for path in self.files(key, split, ".h5"):
            if image_id in self._cache.get(lambda path=path: frozenset(read(path)), "ids", path, files=(path,)):
                return path
        raise InputError(f"{self.folder / key}: nothing of {image_id} yet")

    def iou(self, result: Result, split: str) -> pd.Series | None:
        """Return the mIoU of each scored image, float64 by id; None where the result has not been scored.

        Raises:
            InputError: the table is damaged.
        """
        path = self.folder / f"scores/{result.network}/{split}/{result.name}.images.csv"
        if not file_state(path):
            return None
        return self._cache.get(lambda: _by_id(read_scores, path, "miou"), path, files=(path,))

    def certainty(self, result: Result, split: str) -> pd.Series:
        """Return how sure each pseudo mask is, float64 by id (`mdc.masks.certainty`).

        Raises:
            InputError: it has not been estimated, or the table is damaged.
        """
        path = self.folder / result.key / "certainty.csv"
        if split != "train" or not file_state(path):
            raise InputError(f"{path}: how sure the masks of {split} are has not been estimated")
        return self._cache.get(lambda: _by_id(read_certainty, path, "certainty"), path, files=(path,))

    # -- settings ------------------------------------------------------------------------------------------------------

    def config(self) -> tuple[Config, str]:
        """Return the run's configuration, else that of the paper and a sentence that says why."""
        path = self.folder / "config.yaml"
        return self._cache.get(lambda: _config(path), path, files=(path,))

    def missing(self, split: str) -> list[str]:
        """Return a line per result of the configuration that the split lacks."""
        config, problem = self.config()
        if problem:
            return [problem]
        plan = Plan(config)
        masks = [
            plan.masks(str(network), one, "train")
            for network in plan.networks()
            for one in config.pseudo_masks(network.classifier)
        ]
        planned = [
            ("saliency maps", ".csv", plan.every_map("saliency")),
            ("maps", ".h5", plan.every_map("cams")),
            ("pseudo masks", ".csv", masks),
            ("predictions", ".csv", plan.every_prediction("predictions")),
            ("crf", ".csv", plan.every_prediction("crf")),
        ]
        expected = {
            (path.removeprefix(f"{plan.run}/").removesuffix(f"/{split}{ending}"), ending): what
            for what, ending, paths in planned
            for path in paths
            if path.endswith(f"/{split}{ending}")
        }
        return [
            f"{key}: no {what} of {split} yet"
            for (key, ending), what in expected.items()
            if not self.files(key, split, ending)
        ]


def _by_id(read: Callable[[Path], pd.DataFrame], path: Path, column: str) -> pd.Series:
    try:
        if not path.read_bytes().endswith(b"\n"):
            raise ValueError("a row is cut off")
        return read(path).set_index("id")[column].astype(float)
    except Exception as error:  # pandas', which depend on the damage
        raise InputError(f"{path}: not a readable table ({error}): remove it and run the same command again") from error


def _config(path: Path) -> tuple[Config, str]:
    try:
        values: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Config.model_validate(values), ""
    except FileNotFoundError:
        reason = "is not there yet (target report)"
    except ValidationError as error:
        reason = f"is not a configuration of this version ({next(sentences(error, Config))})"
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = f"is not a configuration of this version ({str(error).splitlines()[0]})"
    return Config(), f"{path.name} {reason}: settings start from the paper's"


def masks_behind(run: Run, result: Result) -> Experiment | None:
    """Return the pseudo masks that a result is or has learnt from; None for true masks and unknown names."""
    try:
        experiment = Experiment.parse(result.name)
        return experiment.masks(run.config()[0])
    except (KeyError, ValueError):  # a variant that the configuration lacks
        return None
