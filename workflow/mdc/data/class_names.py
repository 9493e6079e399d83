"""Names of classes, and what they cannot be."""

from collections.abc import Sequence
from pathlib import Path

from mdc.data.label_colours import LABELMAP, is_background, read_labelmap
from mdc.data.labels import VOID
from mdc.data.text_lists import read_lines
from mdc.runtime.errors import InputError

# these stand in tables in the place of a class
MEAN_IOU = "mIoU"
UNLABELLED = "unlabelled"
FORMULA = "=+-@"  # what a formula begins with


def class_names(root: Path) -> tuple[str, ...] | None:
    """Return the class names of `root`, in mask order (first is index 1), or None where nothing says them.

    They are those of classes.txt, one a line, else those of the labelmap.txt of CVAT and Datumaro, without background.
    Raises `InputError` when a name is listed twice, contains ";", is "background" or "mIoU", begins as a formula, or
    there are none or more than 254.
    """
    path, labelmap = Path(root) / "classes.txt", Path(root) / LABELMAP
    if path.exists():
        return checked_classes(read_lines(path), source=str(path))
    if labelmap.exists():
        names = [name for name in read_labelmap(labelmap) if not is_background(name)]
        return checked_classes(names, source=str(labelmap))
    return None


def checked_classes(names: Sequence[str], *, source: str) -> tuple[str, ...]:
    """Return `names` as a tuple if they can be the classes of a run; `source` names their file or key in messages.

    Raises `InputError` when a name is listed twice, contains ";", is "background" or "mIoU", begins as a formula, or
    there are none or more than 254.
    """
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{source}: the class '{name}' is listed twice: remove one")
        if ";" in name or name != name.strip() or not name:
            raise InputError(
                f"{source}: '{name}' cannot be a class name: it is empty, contains ';', or begins or ends with a blank"
            )
        if name[0] in FORMULA:
            raise InputError(
                f"{source}: '{name}' cannot be a class name: spreadsheets take it for a formula: rename it"
            )
        if is_background(name):
            raise InputError(f"{source}: remove '{name}': index 0 is always the background")
        if name == MEAN_IOU:
            raise InputError(f"{source}: rename the class '{name}': tables of scores call the mean over the classes so")
    if not 0 < len(names) < VOID:
        raise InputError(f"{source}: {len(names)} classes, between 1 and {VOID - 1} are possible")
    return tuple(names)
