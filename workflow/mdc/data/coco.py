"""Tags from a COCO JSON: the categories of an image's annotations, whose boxes and outlines are not read."""

import json
from pathlib import Path

from mdc.data.tag_sources import Row
from mdc.data.text_lists import read_text
from mdc.runtime.errors import InputError


def read_coco(path: Path) -> list[Row]:
    """Return a row per image of a COCO file of instances, tagged with the names of its categories.

    Raises `InputError` when the file cannot be read or is not such a file.
    """
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not JSON ({error}): export it again, or write a table of tags") from error
    try:
        names = {category["id"]: category["name"].strip() for category in content["categories"]}
        tags: dict[int, set[str]] = {image["id"]: set() for image in content["images"]}
        for annotation in content["annotations"]:
            tags[annotation["image_id"]].add(names[annotation["category_id"]])
        return [
            Row(f"{path}, image {image['id']}", str(image["file_name"]), frozenset(tags[image["id"]]))
            for image in content["images"]
        ]
    except (KeyError, TypeError, AttributeError) as error:  # a part that is missing, or is something else
        raise InputError(
            f"{path}: is not COCO's JSON of instances, whose images, annotations and categories refer to each other "
            f"(at {error}): export it again, or write a table of tags"
        ) from error
