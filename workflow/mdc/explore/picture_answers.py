"""The answers that are pictures: the layers of an image, and the thumbnails of the grid."""

import numpy as np
from werkzeug.wrappers import Response

from mdc.explore.asked import Asked
from mdc.explore.open_image import TRUTH, OpenImage, check_same_photo, image_row, mask_at_size
from mdc.explore.pictures import grey_png, map_png, mask_thumbnail, photo_jpeg, photo_thumbnail
from mdc.explore.runs import Result, Run
from mdc.explore.what_if import used_maps
from mdc.runtime.errors import InputError

LARGEST_FUSED = 2.0  # value of a fused map
SCALE = "Mdc-Scale"  # the header with the value of the largest step of a map


def _map(values: np.ndarray, scale: float) -> Response:
    return Response(map_png(values, scale=scale), mimetype="image/png", headers={SCALE: f"{scale:.9g}"})


def photo(asked: Asked) -> Response:
    """Return the photo as the networks see it."""
    return Response(photo_jpeg(asked.image().photo()), mimetype="image/jpeg")


def mask(asked: Asked) -> Response:
    """Return the labels of a result, of this run or another, or of the ground truth, at the size of the photo."""
    opened = asked.image()
    if asked.text("result") == TRUTH:
        return Response(grey_png(opened.truth()), mimetype="image/png")
    run, result = _masks(asked)
    check_same_photo(asked.run, run, opened.split, opened.inputs.id)
    labels = mask_at_size(run, result.key, opened.split, opened.inputs.id, opened.inputs.size)
    return Response(grey_png(labels), mimetype="image/png")


def _masks(asked: Asked) -> tuple[Run, Result]:
    found = asked.masks()
    if found is None:
        raise InputError("which masks? Give a result")
    return found


def stored_map(asked: Asked) -> Response:
    """Return the map of one class in one map setting."""
    opened = asked.image(cams=asked.text("cams"))
    return _map(opened.fused_maps(asked.text("map"))[_class_place(asked, opened)], LARGEST_FUSED)


def made_map(asked: Asked) -> Response:
    """Return the map of one class with the settings that are tried."""
    tried, _ = asked.settings()
    opened = asked.image(cams=tried.cams, source=tried.source)
    return _map(used_maps(opened, tried)[_class_place(asked, opened)], max(sum(tried.weights), LARGEST_FUSED))


def _class_place(asked: Asked, opened: OpenImage) -> int:
    places = list(map(str, opened.inputs.class_ids.tolist()))
    if asked.text("class") not in places:
        raise InputError(f"{opened.inputs.id} is not tagged with class {asked.text('class')}")
    return places.index(asked.text("class"))


def saliency(asked: Asked) -> Response:
    """Return the saliency map of a source."""
    return _map(asked.image(source=asked.text("source")).saliency(), 1.0)


def probability(asked: Asked) -> Response:
    """Return the probability of a class, or with `best` that of the best class, by the predictions of a segmenter."""
    opened = asked.image()
    found = opened.probabilities(_masks(asked)[1].key)
    if asked.text("class") == "best":
        return _map(found.max(0), 1.0)
    classes = list(map(str, range(len(found))))
    if asked.text("class") not in classes:
        raise InputError(f"unknown class {asked.text('class')}")
    return _map(found[int(asked.text("class"))], 1.0)


def photo_small(asked: Asked) -> Response:
    """Return the thumbnail of a photo."""
    row = image_row(asked.run, asked.split, asked.text("id"))
    path = asked.run.located(row.image)

    def make() -> bytes:
        return photo_thumbnail(asked.image().photo())

    return Response(asked.explored.thumbnails.get(make, "photo", path, files=(path,)), mimetype="image/jpeg")


def mask_small(asked: Asked) -> Response:
    """Return the thumbnail of a mask."""
    row, (run, result) = image_row(asked.run, asked.split, asked.text("id")), _masks(asked)
    check_same_photo(asked.run, run, asked.split, row.id)
    path = run.picture(result.key, asked.split, row.id)

    def make() -> bytes:
        return mask_thumbnail(mask_at_size(run, result.key, asked.split, row.id, (row.height, row.width)))

    return Response(asked.explored.thumbnails.get(make, "mask", path, files=(path,)), mimetype="image/png")
