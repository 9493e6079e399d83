"""What images are sorted by beyond their scores: measured in the background, once, as it takes a file per image."""

import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import numpy as np

from mdc.crf import softmax
from mdc.data.labels import VOID
from mdc.explore.open_image import check_same_photo, image_row, mask_at_size
from mdc.explore.runs import Result, Run
from mdc.predictions.files import read_scores
from mdc.runtime.errors import INTERNAL_ERROR, InputError
from mdc.runtime.logs import logger

KEPT = 50  # measures of a result
Measure = Callable[[str], float]  # of an image's id


@dataclass
class Progress:
    """What has been measured so far: values by id, and a sentence per image that could not be."""

    total: int
    values: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    is_done: bool = False

    @property
    def done(self) -> int:
        """The number of images that have been looked at."""
        return len(self.values) + len(self.problems)


class Background:
    """Takes measures in a thread of its own, the newest request first."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, Progress] = OrderedDict()
        self._lock = threading.Lock()
        self._waiting: queue.LifoQueue[tuple[Measure, list[str], Progress]] = queue.LifoQueue()
        threading.Thread(target=self._work, daemon=True, name="measures").start()

    def progress(self, measure: Measure, ids: list[str], key: Hashable) -> Progress:
        """Return how far a measure is, which is begun if it was not; `key` changes when its files do."""
        with self._lock:
            if key not in self._known:
                self._known[key] = Progress(len(ids))
                self._waiting.put((measure, ids, self._known[key]))
                while len(self._known) > KEPT:
                    self._known.popitem(last=False)
            return self._known[key]

    def _work(self) -> None:
        while True:
            _measure_all(*self._waiting.get())


def _measure_all(measure: Measure, ids: list[str], progress: Progress) -> None:
    try:
        for image_id in ids:
            try:
                progress.values[image_id] = measure(image_id)
            except InputError as error:
                progress.problems.append(str(error))
    except Exception:
        logger.exception(INTERNAL_ERROR)
        progress.problems.append(f"{INTERNAL_ERROR}: the terminal has the traceback")
    progress.is_done = True


def ignored_share(run: Run, result: Result, split: str, image_id: str) -> float:
    """Return the share of unlabelled pixels of a mask, in 0..1."""
    row = image_row(run, split, image_id)
    return float((mask_at_size(run, result.key, split, image_id, (row.height, row.width)) == VOID).mean())


def differing_share(mine: tuple[Run, Result], other: tuple[Run, Result], split: str, image_id: str) -> float:
    """Return the share of pixels in which two masks of an image have different labels, in 0..1.

    Both are compared at the size of the photo in the first run; 255 is a label as any other.

    Raises:
        InputError: a mask is missing or damaged, or the runs use the id for different photos.
    """
    check_same_photo(mine[0], other[0], split, image_id)
    row = image_row(mine[0], split, image_id)
    first, second = (
        mask_at_size(run, result.key, split, image_id, (row.height, row.width)) for run, result in (mine, other)
    )
    return float((first != second).mean())


def mean_probability(run: Run, result: Result, split: str, image_id: str) -> float:
    """Return how sure a segmenter is of an image: the mean, over its feature grid, of the highest class probability."""
    _, classifier, seed, setting = result.key.split("/")
    path = run.store_of(f"predictions/{classifier}/{seed}/{setting}", split, image_id)
    (scores,) = read_scores(path, [image_id])
    return float(softmax(scores.scores.astype(np.float32)).max(0).mean())
