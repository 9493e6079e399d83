"""Which images a grid shows, and in which order."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from mdc.explore.file_cache import file_state
from mdc.explore.measures import Background, Progress, differing_share, ignored_share, mean_probability
from mdc.explore.open_image import check_same_photo
from mdc.explore.runs import Result, Run
from mdc.runtime.errors import InputError

SORTED_BY = {  # name -> what people read
    "table": "order of the table",
    "iou": "IoU",
    "ignored": "share of ignored pixels",
    "certainty": "how sure the mask is",
    "differs": "share of pixels that differ",
    "iou_difference": "difference of IoU",
}
COMPARES = ("differs", "iou_difference")


@dataclass(frozen=True, kw_only=True)
class Query:
    """A selection and order of images.

    Attributes:
        tags: names of classes, of which an image has all; empty for any image.
        search: part of the id; capitals do not count.
        sort: of `SORTED_BY`.
        result, other: the masks that are looked at and those they are compared with, each with its run; None for none.
    """

    split: str
    tags: tuple[str, ...] = ()
    search: str = ""
    sort: str = "table"
    descending: bool = False
    result: tuple[Run, Result] | None = None
    other: tuple[Run, Result] | None = None


@dataclass(frozen=True)
class Listing:
    """The images of a query in order, with what they were sorted by (by id), and what is still being measured."""

    ids: list[str]
    values: Mapping[str, float]
    progress: Progress | None = None


def listing(run: Run, query: Query, background: Background) -> Listing:
    """Return the images of a query.

    Images without a value come last. While a measure is being taken, the images are in the table's order.

    Raises:
        InputError: a table is damaged, or the query asks for what is not there.
    """
    images = run.images(query.split)
    chosen = pd.Series(True, index=images.index)
    for tag in query.tags:
        chosen &= (";" + images["tags"] + ";").str.contains(f";{tag};", regex=False)
    if query.search:
        chosen &= images["id"].str.contains(query.search, case=False, regex=False)
    ids = list(images.index[chosen])
    if query.sort == "table":
        return Listing(ids[::-1] if query.descending else ids, {})
    values, progress = _values(run, query, list(images.index), background)
    if progress and not progress.is_done:
        return Listing(ids, {}, progress)
    known = sorted((one for one in ids if one in values), key=values.__getitem__, reverse=query.descending)
    return Listing([*known, *(one for one in ids if one not in values)], values, progress)


def _values(
    run: Run, query: Query, ids: list[str], background: Background
) -> tuple[Mapping[str, float], Progress | None]:
    if query.result is None or (query.sort in COMPARES and query.other is None):
        raise InputError(f"images cannot be sorted by {SORTED_BY[query.sort]}: choose masks to look at and to compare")
    if query.sort == "iou":
        return _known(_iou(query.result, query.split)), None
    if query.sort == "iou_difference":
        differences = (_iou(query.result, query.split) - _iou(query.other, query.split)).abs()
        return _known(differences[[_is_same_photo(query, image_id) for image_id in differences.index]]), None
    shown, split = query.result, query.split
    if query.sort == "certainty" and shown[1].key.startswith("masks/"):
        return _known(shown[0].certainty(shown[1], split)), None
    if query.sort == "differs":
        ids = [one for one in ids if one in query.other[0].images(split).index]
        measure = partial(differing_share, shown, query.other, split)
        watched = [_state(shown, split), _state(query.other, split)]
    else:
        measure = partial({"ignored": ignored_share, "certainty": mean_probability}[query.sort], *shown, split)
        watched = [_state(shown, split)]
    progress = background.progress(measure, ids, (query.sort, split, *watched))
    return progress.values, progress


def _iou(shown: tuple[Run, Result], split: str) -> pd.Series:
    run, result = shown
    found = run.iou(result, split)
    if found is None:
        raise InputError(f"{run.folder}: {result.name} has no scores on {split} yet")
    return found


def _is_same_photo(query: Query, image_id: str) -> bool:
    try:
        check_same_photo(query.result[0], query.other[0], query.split, image_id)
    except InputError:
        return False
    return True


def _known(values: pd.Series) -> Mapping[str, float]:
    return values.dropna().to_dict()


def _state(shown: tuple[Run, Result], split: str) -> Any:
    run, result = shown
    files = [*run.files(result.key, split, ".csv"), run.folder / f"data/{split}.csv"]
    return (run.folder, result.key, *((path, file_state(path)) for path in files))
