"""The submission stage: masks of test images, packed as VOC's server takes them (see the challenge's devkit).

The archive is gzipped, .tgz: users of the server report that it takes those and no plain tar.
"""

import functools
import gzip
import tarfile
from collections.abc import Collection, Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image

from mdc.data.decoding import decode_upright
from mdc.data.labels import PALETTE
from mdc.data.manifest import read_manifest
from mdc.data.mask_files import read_mask
from mdc.data.photo_files import photo_files
from mdc.data.voc_layout import layout_root
from mdc.runtime.errors import InputError, listing
from mdc.runtime.files import written_whole
from mdc.runtime.logs import logger
from mdc.runtime.parallel import map_in_order
from mdc.storage.image_tables import read_table

SHOWN = 5  # of each kind of problem
FOLDER = "results/VOC2012/Segmentation/{competition}_test_cls"


def mask_problem(mask: Path, photo: Path, *, classes: int) -> str:
    """Return what VOC's server would not take about a mask, empty if nothing: kind of file, palette, size, indices.

    Args:
        mask: a PNG.
        photo: its image as it was handed out, whose size the mask must have, upright as a viewer shows it.
        classes: number of foreground classes; the indices are 0 to this.
    """
    try:
        labels = read_mask(mask)
        with Image.open(mask) as image:
            mode, palette = image.mode, image.getpalette() or []
        width, height = decode_upright(photo).size
    except InputError as error:
        return str(error)
    if mode != "P" or palette[: 3 * classes + 3] != PALETTE[: classes + 1].ravel().tolist():
        return f"{mask} is not a palette PNG in VOC's colours"
    if labels.shape != (height, width):
        found = " x ".join(map(str, labels.shape[::-1]))
        return f"{mask} has {found} pixels and its photo {width} x {height}: run again with --forcerun link_data"
    worst = int(labels.max(initial=0))
    if worst > classes:
        return f"{mask} has the index {worst}, but only 0 to {classes} are classes"
    return ""


def id_problems(expected: Collection[str], found: Collection[str]) -> list[str]:
    """Return a line each for the ids without a mask and for masks with an unknown id."""
    kinds = {
        "images without a mask": [image_id for image_id in expected if image_id not in found],
        "masks of images that are not in the test list": sorted(set(found) - set(expected)),
    }
    return [f"{words}: {len(ids)} ({_first(ids, between=', ')})" for words, ids in kinds.items() if ids]


def _first(texts: Sequence[str], *, between: str) -> str:
    return between.join([*texts[:SHOWN], *(["..."] if len(texts) > SHOWN else [])])


def _checked(item: tuple[str, str], *, classes: int) -> str:
    mask, photo = item
    return mask_problem(Path(mask), Path(photo), classes=classes)


def pack(masks: Sequence[tuple[str, Path]], archive: Path, *, competition: str) -> None:
    """Write (id, PNG) pairs into a gzipped tar, sorted and without times and owners: same masks, same bytes."""
    folder = FOLDER.format(competition=competition)
    with (
        written_whole(archive) as temporary,
        open(temporary, "wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for image_id, path in sorted(masks):
            data = path.read_bytes()
            member = tarfile.TarInfo(f"{folder}/{image_id}.png")
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, BytesIO(data))


def pack_submission(
    *,
    split_csv: Path,
    root: Path,
    masks_csv: Path,
    archive: Path,
    classes: int,
    competition: str,
    processes: int,
) -> None:
    """Check the masks of a test split and pack them.

    Args:
        split_csv: manifest of the test images.
        root: folder in VOC layout with the photos as they were handed out.
        masks_csv: table of the masks.
        archive: a .tgz.
        classes: number of foreground classes.
        competition: `comp5` for methods trained on the challenge's own data alone, `comp6` for others.

    Raises:
        InputError: there is no test image, an image has none or several masks, or a mask lacks the server's format;
            counts and names them. Nothing is written then.
    """
    expected = list(read_manifest(split_csv)["id"])
    if not expected:
        raise InputError(f"{split_csv}: there are no test images: list them in ImageSets/Segmentation/test.txt")
    photos = {image_id: paths[0] for image_id, paths in photo_files(layout_root(root) / "JPEGImages").photos.items()}
    masks = read_table([masks_csv])
    problems = id_problems(expected, masks)
    gone = [image_id for image_id in expected if image_id not in photos]
    if gone:
        problems.append(f"photos that are no longer in {root}: {len(gone)} ({_first(gone, between=', ')})")
    both = [image_id for image_id in expected if image_id in masks and image_id in photos]
    items = [(masks[image_id], str(photos[image_id])) for image_id in both]
    check = functools.partial(_checked, classes=classes)
    wrong = [text for text in map_in_order(check, items, processes=processes, label="pack_submission") if text]
    if wrong:
        problems.append(f"masks that the server would not take: {len(wrong)} ({_first(wrong, between='; ')})")
    if problems:
        raise InputError(listing(f"{archive.stem}: the masks of {len(expected)} test images are not packed:", problems))
    pack([(image_id, Path(masks[image_id])) for image_id in expected], archive, competition=competition)
    logger.info("%s: %d masks for %s, checked and packed", archive, len(expected), competition)
