"""The submission stage: masks of test images, packed as VOC's server takes them (see the challenge's devkit)."""

import functools
import tarfile
from collections import Counter
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import pandas as pd
from PIL import Image

from mdc.devkit import images_by_id, layout_root
from mdc.errors import InputError, listing
from mdc.files import written_whole
from mdc.parallel import map_in_order
from mdc.tables import read_table
from mdc.voc import PALETTE, read_mask

SHOWN = 5  # problems of one kind that are listed
FOLDER = "results/VOC2012/Segmentation/{competition}_test_cls"


def mask_problem(mask: Path, photo: Path, *, classes: int) -> str:
    """Return what VOC's server would not take about a mask, empty if nothing: kind of file, palette, size, indices.

    Args:
        mask: a PNG.
        photo: its image as it was handed out, whose size the mask must have.
        classes: number of foreground classes; the indices are 0 to this.
    """
    try:
        labels = read_mask(mask)
        with Image.open(mask) as image:
            mode, palette = image.mode, image.getpalette() or []
        with Image.open(photo) as image:
            width, height = image.size
    except (InputError, OSError) as error:
        return str(error)
    if mode != "P" or palette[: 3 * classes + 3] != PALETTE[: classes + 1].ravel().tolist():
        return f"{mask}: is no palette PNG in VOC's colours"
    if labels.shape != (height, width):
        found = " x ".join(map(str, labels.shape[::-1]))
        return (
            f"{mask}: has {found} pixels, its photo {width} x {height}: photos were reduced to data.max_side_px, "
            "raise it"
        )
    worst = int(labels.max(initial=0))
    if worst > classes:
        return f"{mask}: has the index {worst}, but only 0 to {classes} are classes"
    return ""


def id_problems(expected: Sequence[str], found: Sequence[str]) -> list[str]:
    """Return a sentence for the ids that have no mask, more than one, or none of whose name was asked for."""
    counts = Counter(found)
    kinds = {
        "have no mask": [image_id for image_id in expected if not counts[image_id]],
        "have several masks": [image_id for image_id, count in counts.items() if count > 1],
        "are not in the test list": sorted(counts.keys() - set(expected)),
    }
    return [
        f"{len(ids)} images {words}: {', '.join(ids[:SHOWN])}" + ", ..." * (len(ids) > SHOWN)
        for words, ids in kinds.items()
        if ids
    ]


def _checked(item: tuple[str, str], *, classes: int) -> str:
    mask, photo = item
    return mask_problem(Path(mask), Path(photo), classes=classes)


def pack(masks: Sequence[tuple[str, Path]], archive: Path, *, competition: str) -> None:
    """Write (id, PNG) pairs into a tar, sorted and without times and owners: the same masks give the same bytes."""
    folder = FOLDER.format(competition=competition)
    with written_whole(archive) as temporary, tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as tar:
        for image_id, path in sorted(masks):
            data = path.read_bytes()
            member = tarfile.TarInfo(f"{folder}/{image_id}.png")
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, BytesIO(data))


def pack_submission(
    *,
    root: Path,
    masks_csv: Sequence[Path],
    archive: Path,
    classes: int,
    competition: str,
    processes: int,
) -> None:
    """Check the masks of a test split and pack them.

    Args:
        root: folder in VOC layout with the test photos and their list `ImageSets/Segmentation/test.txt`.
        masks_csv: tables of the masks (all shards).
        classes: number of foreground classes.
        competition: `comp5` for methods trained on the challenge's own data alone, `comp6` for others.

    Raises:
        InputError: an image of the list has not exactly one mask, or a mask is not as the server wants it; counts and
            names them. Nothing is written then.
    """
    base = layout_root(root)
    expected = (base / "ImageSets" / "Segmentation" / "test.txt").read_text().split()
    photos, _ = images_by_id(base)
    masks = read_table(masks_csv)
    tables = [pd.read_csv(path, dtype=str, keep_default_na=False) for path in masks_csv]
    problems = id_problems(expected, [image_id for table in tables for image_id in table["id"]])
    without = [image_id for image_id in expected if image_id not in photos]
    if without:
        problems.append(f"{base / 'JPEGImages'}: lacks {len(without)} photos of the test list, such as {without[0]}")
    both = [image_id for image_id in expected if image_id in masks and image_id in photos]
    items = [(masks[image_id], str(photos[image_id])) for image_id in both]
    check = functools.partial(_checked, classes=classes)
    found = [text for text in map_in_order(check, items, processes=processes, label="pack_submission") if text]
    if len(found) > SHOWN:
        found = [*found[:SHOWN], f"and {len(found) - SHOWN} more masks"]
    if problems or found:
        raise InputError(listing("the masks cannot be submitted:", [*problems, *found]))
    pack([(image_id, Path(masks[image_id])) for image_id in expected], archive, competition=competition)
