"""Names of classes, and what they cannot be."""

from collections.abc import Sequence
from pathlib import Path

from mdc.data.labels import VOID
from mdc.data.text_lists import read_lines
from mdc.runtime.errors import InputError

# these stand in tables in the place of a class
MEAN_IOU = "mIoU"
UNLABELLED = "unlabelled"


def class_names(root: Path) -> tuple[str, ...] | None:
    """Return the class names of `root`/classes.txt, one a line, in mask order (first is index 1), or None without it.

    Raises `InputError` when a name is listed twice, contains ";", is "background" or "mIoU", or there are none or more
    than 254.
    """
    path = Path(root) / "classes.txt"
    return checked_classes(read_lines(path), source=str(path)) if path.exists() else None


def checked_classes(names: Sequence[str], *, source: str) -> tuple[str, ...]:
    """Return `names` as a tuple if they can be the classes of a run; `source` names their file or key in messages.

    Raises `InputError` when a name is listed twice, contains ";", is "background" or "mIoU", or there are none or more
    than 254.
    """
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{source}: the class '{name}' is listed twice: remove one")
        if ";" in name or name != name.strip() or not name:
            raise InputError(
                f"{source}: '{name}' cannot be a class name: it is empty, contains ';', or begins or ends with a blank"
            )
        if name.lower() == "background":
            raise InputError(f"{source}: remove '{name}': index 0 is always the background")
        if name == MEAN_IOU:
            raise InputError(f"{source}: rename the class '{name}': tables of scores call the mean over the classes so")
    if not 0 < len(names) < VOID:
        raise InputError(f"{source}: {len(names)} classes, between 1 and {VOID - 1} are possible")
    return tuple(names)
