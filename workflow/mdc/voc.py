"""PASCAL VOC's conventions: class names, mask colours, and the files of its folder layout."""

import re
from io import BytesIO
from pathlib import Path
from typing import NoReturn
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from mdc.errors import InputError
from mdc.files import write_whole
from mdc.images import BITS_AT, damage, upright

BACKGROUND = 0
VOID = 255
CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)

# VOC's own lists of one class right-align the second column to two characters. Asking for exactly that keeps
# ids such as "photo 1" whole.
_MAIN_COLUMN = re.compile(r"(.*\S) (?: 1|-1| 0)")
_GREY_STEP = {1: 1, 2: 85, 4: 17, 8: 1}  # what Pillow multiplies grey values of so many bits by


def _palette() -> np.ndarray:
    index = np.arange(256)
    colours = np.zeros((256, 3), dtype=np.uint8)
    for triple in range(8):  # bits 0, 1, 2 of each group of three go to red, green, blue, from the highest bit down
        for channel in range(3):
            colours[:, channel] |= ((index >> (3 * triple + channel) & 1) << (7 - triple)).astype(np.uint8)
    return colours


PALETTE = _palette()  # uint8 (256, 3) RGB: the colour of each mask index


def write_mask(path: Path, mask: np.ndarray) -> None:
    """Write `mask`, uint8 (H, W) class indices, as an 8-bit palette PNG in VOC's colours, whole or not at all."""
    if mask.dtype != np.uint8 or mask.ndim != 2:
        raise ValueError(f"a mask is uint8 (H, W), not {mask.dtype} {mask.shape}")
    image = Image.fromarray(mask)
    image.putpalette(PALETTE.tobytes())
    buffer = BytesIO()
    image.save(buffer, format="PNG")
    write_whole(path, buffer.getvalue())


def read_mask(path: Path, *, classes: int = VOID - 1, size: tuple[int, int] | None = None) -> np.ndarray:
    """Return the class indices of a palette or grey PNG: uint8 (H, W), 0 background, 255 void.

    Indices are what the file stores, whatever its palette's colours and bits. A rotation flag is applied.

    Args:
        classes: the largest index that a class can have.
        size: (height, width) of its photo, None if it may have any.

    Raises:
        InputError: the file is missing, does not decode, is damaged, holds colours or an index above `classes`, or is
            of another size.
    """
    try:
        with Image.open(path, formats=["PNG"]) as image:
            image.load()
            turned = upright(image)
        data = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: there is no such mask: put it back or, if the workflow made it, give --forcerun the rule that "
            "did (results/README.md)"
        ) from error
    except Exception as error:  # what Pillow raises for a damaged file depends on which byte is damaged
        raise InputError(f"{path}: does not decode as a PNG mask: save or copy it again ({error})") from error
    problem = damage(data)
    if problem:
        raise InputError(f"{path}: is damaged, {problem}: save or copy the mask again")
    if turned.mode not in ("P", "L", "1"):
        kind = "has 16 bits per pixel" if turned.mode.startswith("I") else "is a colour picture"
        raise InputError(f"{path}: {kind}, not class indices: save the mask as an 8-bit palette or grey PNG")
    step = _GREY_STEP[data[BITS_AT]] if turned.mode == "L" else 1
    mask = np.array(turned, dtype=np.uint8) // np.uint8(step)
    if size is not None and mask.shape != tuple(size):
        (height, width), (expected_height, expected_width) = mask.shape, size
        raise InputError(
            f"{path}: the mask is {width} x {height}, its photo {expected_width} x {expected_height} pixels: "
            "make it again at that size"
        )
    if mask[mask != VOID].max(initial=BACKGROUND) > classes:
        strange = sorted(set(np.unique(mask).tolist()) - {*range(classes + 1), VOID})
        raise InputError(f"{path}: the indices {strange} are no classes; there are {classes}: make the mask again")
    return mask


class _TreeWithoutDoctype(ElementTree.TreeBuilder):
    def doctype(self, name: str, pubid: str, system: str) -> NoReturn:
        # Entities, and with them files that unfold to gigabytes, can only be declared in a DOCTYPE; VOC's have none.
        raise InputError("has a DOCTYPE, which no VOC annotation has: remove it")


def read_tags(xml_path: Path) -> set[str]:
    """Return the names of the objects in a VOC annotation, difficult ones included, names of their parts excluded.

    Raises `InputError` when the file is missing, is not XML, is no VOC annotation or has an object without a name.
    """
    try:
        parser = ElementTree.XMLParser(target=_TreeWithoutDoctype())
        root = ElementTree.parse(xml_path, parser).getroot()
    except InputError as error:
        raise InputError(f"{xml_path}: {error}") from error
    except FileNotFoundError as error:
        raise InputError(f"{xml_path}: there is no such annotation") from error
    except (ElementTree.ParseError, OSError, ValueError, LookupError) as error:
        raise InputError(f"{xml_path}: is not readable XML ({error}): export or copy it again") from error
    if root.tag != "annotation":
        raise InputError(f"{xml_path}: begins with <{root.tag}>, a VOC annotation begins with <annotation>")
    things = root.findall("object")
    if len(things) != len(list(root.iter("object"))):
        raise InputError(f"{xml_path}: an object stands inside of something else: put it directly below <annotation>")
    if any(len(thing.findall("name")) > 1 for thing in things):
        raise InputError(f"{xml_path}: an object has more than one name: leave one, or make it two objects")
    names = ["".join(name.itertext()).strip() for thing in things for name in thing.findall("name")]
    if "" in names or len(names) < len(things):
        raise InputError(f"{xml_path}: an object has no name: name it or remove it")
    return set(names)


def read_lines(path: Path) -> list[str]:
    """Return the lines of a UTF-8 text file, with or without byte-order mark, stripped and without the blank ones.

    Raises `InputError` when the file is missing or is not UTF-8.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text: save it again as UTF-8") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def read_list(path: Path) -> list[str]:
    """Return the image ids of a VOC list, one a line, in the file's order.

    The second column of VOC's lists of one class (" 1", "-1", " 0" after a space) is dropped if every line has it.
    Raises `InputError` when the file is missing or is not UTF-8.
    """
    lines = read_lines(path)
    with_column = [_MAIN_COLUMN.fullmatch(line) for line in lines]
    return [match[1].rstrip() for match in with_column if match] if all(with_column) else lines


def class_names(root: Path) -> tuple[str, ...] | None:
    """Return the class names of `root`/classes.txt, one a line, in mask order (first is index 1), or None without it.

    Raises `InputError` when a name stands twice, holds ";", is "background", or there are none or more than 254.
    """
    path = Path(root) / "classes.txt"
    return checked_classes(read_lines(path), source=str(path)) if path.exists() else None


def checked_classes(names: list[str], *, source: str) -> tuple[str, ...]:
    """Return `names` as a tuple if they can be the classes of a run; `source` says in messages where they stand.

    Raises `InputError` when a name stands twice, holds ";", is "background", or there are none or more than 254.
    """
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{source}: the class '{name}' stands there twice: remove one")
        if ";" in name or name != name.strip() or not name:
            raise InputError(f"{source}: '{name}' cannot be a class name: it is empty or holds ';' or outer blanks")
        if name.lower() == "background":
            raise InputError(f"{source}: remove '{name}': index 0 is the background of its own accord")
    if not 0 < len(names) < VOID:
        raise InputError(f"{source}: {len(names)} classes, between 1 and {VOID - 1} are possible")
    return tuple(names)
