"""The answers in numbers and words: what the page lists, describes and tries."""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mdc.data.labels import VOID
from mdc.explore.asked import Asked
from mdc.explore.descriptions import described_image, described_run
from mdc.explore.gallery import listing
from mdc.explore.open_image import OpenImage, check_same_photo, files_elsewhere
from mdc.explore.pictures import grey_png
from mdc.explore.runs import Result, Run
from mdc.explore.what_if import confusion_of, made_mask, sample_of, scored, try_on_sample
from mdc.runtime.errors import InputError

PER_PAGE = 60
SAMPLE, LARGEST_SAMPLE = 200, 1_000_000
PROBLEMS_TOLD = 20


def run(asked: Asked) -> dict[str, Any]:
    """Return `described_run`."""
    return described_run(asked.run, list(asked.explored.runs))


def images(asked: Asked) -> dict[str, Any]:
    """Return a page of the images of a query, and how far their measure is while it is taken."""
    run, query = asked.run, asked.query()
    found = listing(run, query, asked.explored.background)
    pages = max(-(-len(found.ids) // PER_PAGE), 1)
    page = asked.whole("page", 1, largest=pages)
    ids = found.ids[PER_PAGE * (page - 1) : PER_PAGE * page]
    answer = {
        "total": len(found.ids),
        "page": page,
        "pages": pages,
        "images": [],
        "pending": None,
        "problems": found.progress.problems[:PROBLEMS_TOLD] if found.progress else [],
    }
    if found.progress and not found.progress.is_done:
        answer["pending"] = {"done": found.progress.done, "total": found.progress.total}
    shown = [query.result, query.other]
    scores, problems = zip(*(_scores_of(masks, query.split) for masks in shown), strict=True)
    problems = [*answer["problems"], *filter(None, problems)]
    for image_id in ids:
        tags = run.images(query.split).at[image_id, "tags"]
        row = {"id": image_id, "tags": tags.split(";") if tags else [], "value": found.values.get(image_id)}
        problems += files_elsewhere(run, query.split, image_id)
        for name, masks, known in zip(("iou", "other_iou"), shown, scores, strict=True):
            problems += _elsewhere(masks, query.split, image_id)
            try:
                check_same_photo(run, masks[0] if masks else run, query.split, image_id)
                row[name] = known.get(image_id)
            except InputError as error:
                row[name] = None
                problems.append(str(error))
        answer["images"].append(row)
    return answer | {"problems": list(dict.fromkeys(problems))[:PROBLEMS_TOLD]}


def _elsewhere(shown: tuple[Run, Result] | None, split: str, image_id: str) -> list[str]:
    """Return `files_elsewhere` of an image and its masks."""
    return files_elsewhere(shown[0], split, image_id, [shown[1].key]) if shown else []


def _scores_of(shown: tuple[Run, Result] | None, split: str) -> tuple[Mapping[str, float], str]:
    """Return the scores of masks by id, and what is wrong with their table."""
    try:
        found = shown[0].iou(shown[1], split) if shown else None
    except InputError as error:
        return {}, str(error)
    return {} if found is None else found, ""


def neighbours(asked: Asked) -> dict[str, Any]:
    """Return the place of an image in its query, from 1, and the images before and after it."""
    ids = listing(asked.run, asked.query(), asked.explored.background).ids
    if asked.text("id") not in ids:
        return {"place": None, "total": len(ids), "previous": None, "next": ids[0] if ids else None}
    place = ids.index(asked.text("id"))
    return {
        "place": place + 1,
        "total": len(ids),
        "previous": ids[place - 1] if place else None,
        "next": ids[place + 1] if place + 1 < len(ids) else None,
    }


def image(asked: Asked) -> dict[str, Any]:
    """Return `described_image`; without its maps where these cannot be read."""
    usual, problems = None, []
    try:
        usual = asked.usual()
        opened = asked.image(cams=usual.cams if usual else "")
    except InputError as error:
        opened, problems = asked.image(), [str(error)]
    described = described_image(opened, result=asked.result, usual=usual)
    try:
        elsewhere = _elsewhere(asked.masks("other"), opened.split, opened.inputs.id)
    except InputError:  # which the panel of these masks shows
        elsewhere = []
    return described | {"problems": [*problems, *described["problems"], *elsewhere]}


def what_if(asked: Asked) -> dict[str, Any]:
    """Return the mask of an image with other settings, as a PNG in base64, its scores and the lines to copy."""
    tried, usual = asked.settings()
    opened = asked.image(cams=tried.cams, source=tried.source)
    mask = made_mask(opened, tried)
    usually = asked.image(cams=usual.cams, source=usual.source)
    return {
        "mask_png": base64.b64encode(grey_png(mask)).decode(),
        "ignored": float((mask == VOID).mean()),
        "scores": _scores(opened, mask),
        "usual_scores": usually.keep(lambda: _scores(usually, made_mask(usually, usual)), "scores", usual),
        "config": asked.lines(tried, f"tried on {opened.inputs.id}"),
    }


def _scores(opened: OpenImage, mask: np.ndarray) -> dict[str, Any] | None:
    return scored(confusion_of(opened, mask), opened.run.classes()) if opened.has_truth else None


def sample(asked: Asked) -> Iterator[dict[str, Any]]:
    """Return the answers of `try_on_sample` on the query's images with true masks, each with the lines to copy."""
    tried, usual = asked.settings()
    run, query = asked.run, asked.query()
    table = run.images(query.split)
    chosen = set(listing(run, query, asked.explored.background).ids)
    ids = [image_id for image_id in table.index[table["mask"] != ""] if image_id in chosen]
    if not ids:
        raise InputError(f"none of these images of {query.split} has a true mask to compare with")
    ids = sample_of(ids, asked.whole("images", SAMPLE, largest=LARGEST_SAMPLE))
    return (
        answer | {"config": asked.lines(tried, _said(answer, query.split))}
        for answer in try_on_sample(run, query.split, ids, tried, usual)
    )


def _said(answer: Mapping[str, Any], split: str) -> str:
    tried, usual = (100 * answer[name]["miou"] for name in ("tried", "usual"))
    return f"mIoU {tried:.1f} on {answer['done']} images of {split}; with the run's settings {usual:.1f}"
