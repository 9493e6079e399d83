"""Photos, masks and saliency maps: what the stages read of them, beside what Pillow and a small PNG reader read."""

import io
import shutil
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from PIL import Image, ImageOps

from mdc.data.images import read_image
from mdc.data.labels import VOID
from mdc.data.manifest import read_manifest, tag_matrix
from mdc.data.mask_files import read_mask
from mdc.data.tagged_folder import link_folder
from mdc.masks.external import copy_masks
from mdc.runtime.hashes import file_digest
from mdc.saliency.external import maps_of_images
from mdc.saliency.maps import read_saliency
from mdc.scores.compare import score_masks
from mdc.storage.image_tables import paths_of, write_table
from mdc.training.datasets import TrainingViews
from tests.fuzz.formats.jpeg import JPEG
from tests.fuzz.formats.png import PNG, png_chunks
from tests.fuzz.kind import Kind, Mutant
from tests.fuzz.originals import RUN, SIDE_PX, classes_of_run, fuse

CLASSES = tuple(f"c{number}" for number in range(1, 8))
LARGEST_PX = 100
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by a PNG's colour type
ROWS_MISSING = "its last rows are missing"
LEVELS = 6  # by which a converted photo may differ on average: JPEG of quality 95, and another way to reduce
Image.MAX_IMAGE_PIXELS = 10**7  # the mutants' own judge must not decode gigabytes either


# --- reading independently
def png_damage(data: bytes) -> str:
    """Return what tells that a PNG is damaged: its chunks' checksums, its end, its compressed pixels; or nothing.

    Two checksums are left out, because Pillow's `verify`, which the stages ask, does not look at them, and neither
    tells of other pixels. The one behind the compressed pixels is redundant beside their chunks'. Of the chunk IEND,
    which is empty, nothing is compared but its name.
    """
    place, stream = 8, b""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "its first bytes"
    while (kind := data[place + 4 : place + 8]) != b"IEND":
        (length,) = struct.unpack(">I", data[place : place + 4].rjust(4, b"\0"))
        content = data[place + 8 : place + 8 + length]
        if len(data) < place + 12 + length:
            return "it is cut off"
        if data[place + 8 + length : place + 12 + length] != struct.pack(">I", zlib.crc32(kind + content)):
            return f"the checksum of {kind!r}"
        stream += content if kind == b"IDAT" else b""
        place += 12 + length
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)  # does not look for a checksum
    try:
        pixels = inflate.decompress(stream[2:], 10**8)  # behind the two bytes that say how they were compressed
    except zlib.error as error:
        return f"its pixels' stream ({error})"
    width, height, bits, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    line = 1 + -(-width * bits * CHANNELS.get(colour, 1) // 8)
    if inflate.eof if interlaced else len(pixels) >= height * line:
        return ""
    return ROWS_MISSING if inflate.eof and pixels and len(pixels) % line == 0 else "its pixels' stream has no end"


def lacks_rows(data: bytes) -> bool:
    """Return whether all that is wrong with a PNG is that its last rows are missing, with all checksums right.

    Pillow reads them as 0 where the stream of pixels has its proper end behind a row. Nothing but a program writes such
    a file, whatever happens to it afterwards, and none is known to.
    """
    return png_damage(data) == ROWS_MISSING


def jpeg_damage(data: bytes) -> str:
    """Return what tells that a JPEG is damaged: data end before the picture does; or nothing."""
    try:
        simplejpeg.decode_jpeg(data, "GRAY", strict=True)
    except ValueError as error:
        return str(error) if "remature end" in str(error) else ""
    return ""


def damage(data: bytes) -> str:
    """Return what tells that a picture is damaged, or nothing."""
    if data.startswith(b"\xff\xd8"):
        return jpeg_damage(data)
    return png_damage(data) if data.startswith(b"\x89PNG") else ""


def png_indices(data: bytes) -> np.ndarray | None:
    """Return the stored values (H, W) of a PNG of one channel, at most 8 bits, not interlaced; None for others."""
    chunks = list(png_chunks(data))
    width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if bits > 8 or colour not in (0, 3) or interlaced:
        return None
    stride = -(-width * bits // 8)
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)  # as in `png_damage`
    stream = inflate.decompress(b"".join(content for kind, content in chunks if kind == b"IDAT")[2:])
    lines = np.frombuffer(stream, np.uint8)[: height * (stride + 1)].reshape(height, stride + 1)
    rows = np.zeros((height + 1, stride + 1), int)  # a line above and a byte to the left, both 0
    for number, line in enumerate(lines, start=1):
        for x in range(1, stride + 1):
            left, above, corner = rows[number, x - 1], rows[number - 1, x], rows[number - 1, x - 1]
            guesses = [0, left, above, (left + above) // 2, _paeth(left, above, corner)]
            rows[number, x] = (int(line[x]) + guesses[line[0]]) % 256
    packed = rows[1:, 1:].astype(np.uint8)
    values = np.unpackbits(packed, axis=1).reshape(height, -1, bits)
    return (values.astype(int) @ (1 << np.arange(bits)[::-1]))[:, :width]


def _paeth(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    return min((left, above, corner), key=lambda value: abs(guess - value))


def _upright(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        try:
            return ImageOps.exif_transpose(image)
        except Exception:  # viewers ignore damaged EXIF data, and so do we
            return image.copy()


# --- photos
def _photo(data: bytes, folder: Path, *, suffix: str) -> np.ndarray:
    """Return the pixels that later stages see of a training photo."""
    root = folder / "photos"
    root.mkdir()
    (root / f"mutant{suffix}").write_bytes(data)
    shutil.copy("originals/run/synthetic/JPEGImages/val_000000.jpg", root / "other.jpg")
    (root / "tags.csv").write_text(f"image,tags,split\nmutant{suffix},c1,train\nother.jpg,c2,val\n")
    row = _linked(root, folder).iloc[0]
    image = read_image(Path(row.image))
    assert image.shape[:2] == (row.height, row.width)
    return image


def _linked(root: Path, folder: Path):
    return link_folder(
        root,
        root / "tags.csv",
        classes=CLASSES,
        plain_folder=folder / "data",
        max_side_px=LARGEST_PX,
        val_share=0.5,
        seed=0,
        processes=1,
    ).tables["train"]


def _judge_photo(mutant: Mutant, found: np.ndarray) -> str:
    problem = damage(mutant.data)
    if problem:
        return f"accepted, though {problem} tells that it is damaged"
    image = _upright(mutant.data)
    scale = min(1, LARGEST_PX / max(image.size))
    width, height = (max(1, round(side * scale)) for side in image.size)
    if found.shape != (height, width, 3):
        return f"{found.shape} instead of {(height, width, 3)}"
    if image.mode not in ("RGB", "L", "P") or image.has_transparency_data:
        return ""
    expected = np.asarray(image.convert("RGB").resize((width, height), Image.Resampling.BOX), int)
    difference = np.abs(found - expected).mean()
    return f"its pixels differ by {difference:.1f} levels from Pillow's" if difference > LEVELS else ""


# --- masks
def _judge_mask(mutant: Mutant, found: np.ndarray, *, classes: int) -> str:
    problem = png_damage(mutant.data)
    if problem:
        return f"accepted, though {problem} tells that it is damaged"
    if found.shape != (SIDE_PX, SIDE_PX):
        return f"a mask of {found.shape} for a photo of {SIDE_PX} x {SIDE_PX}"
    if not set(np.unique(found).tolist()) <= {*range(classes + 1), VOID}:
        return f"indices {np.unique(found)} with {classes} classes"
    expected = png_indices(mutant.data)
    if expected is None:
        return ""
    turned = [expected, *(np.rot90(expected, times) for times in (1, 2, 3))]
    turned += [np.fliplr(picture) for picture in turned]
    has_flag = b"eXIf" in mutant.data or b"Exif" in mutant.data
    same = [np.array_equal(found, picture) for picture in (turned if has_flag else turned[:1])]
    return "" if any(same) else "other indices than the file stores"


def _true_mask(data: bytes, folder: Path) -> np.ndarray:
    root = folder / "photos"
    root.mkdir()
    (root / "mask.png").write_bytes(data)
    for name, source in (("mutant", "train_000000"), ("other", "val_000000")):
        shutil.copy(RUN / f"synthetic/JPEGImages/{source}.jpg", root / f"{name}.jpg")
    (root / "tags.csv").write_text("image,tags,split,mask\nmutant.jpg,c1,train,mask.png\nother.jpg,c2,val,\n")
    return read_mask(Path(_linked(root, folder)["mask"].item()))


def _one_row(folder: Path) -> Path:
    """Write the manifest of the run's first training image alone."""
    path = folder / "one.csv"
    path.write_text("".join((RUN / "data/train.csv").read_text().splitlines(keepends=True)[:2]))
    return path


def _external_mask(data: bytes, folder: Path) -> np.ndarray:
    """Return the copy of another method's mask."""
    (folder / "external").mkdir()
    (folder / "external/train_000000.png").write_bytes(data)
    copy_masks(
        split_csv=_one_row(folder),
        external_folder=folder / "external",
        masks_csv=folder / "masks.csv",
        folder=folder / "masks",
        classes=classes_of_run(),
        shard=0,
        shards=1,
        processes=1,
    )
    return read_mask(Path(*paths_of(["train_000000"], [folder / "masks.csv"])))


def _pseudo_mask(data: bytes, folder: Path) -> np.ndarray:
    """Score a mask that a stage wrote and that was changed since, and train on it; return it as training sees it."""
    split_csv, path = _one_row(folder), folder / "train_000000.png"
    path.write_bytes(data)
    write_table([("train_000000", str(path), file_digest(path))], folder / "masks.csv")
    table = read_manifest(split_csv)
    views = TrainingViews(
        ids=list(table["id"]),
        images=list(table["image"]),
        tags=tag_matrix(table, classes_of_run()),
        masks=paths_of(["train_000000"], [folder / "masks.csv"]),
        seed=0,
        crop_px=SIDE_PX,
        resize_long_side_px=[],
        flip=False,
        fill=(0, 0, 0),
    )
    mask = views[0, 0]["mask"].numpy()
    score_masks(
        split_csv=split_csv,
        masks_csv=folder / "masks.csv",
        confusion_csv=folder / "confusion.csv",
        images_csv=folder / "images.csv",
        pixels_csv=folder / "pixels.csv",
        classes=classes_of_run(),
        processes=1,
    )
    return mask


# --- saliency
def _saliency(data: bytes, folder: Path) -> np.ndarray:
    """Return a map of another model's folder as the masks stage sees it, after it has made masks of it."""
    (folder / "maps").mkdir()
    for number in range(3):
        shutil.copy("originals/saliency/opencv.png", folder / f"maps/train_00000{number}.png")
    (folder / "maps/train_000000.png").write_bytes(data)
    table = maps_of_images(
        read_manifest(RUN / "data/train.csv"),
        external_folder=folder / "maps",
        by_rbd=False,
        computed_folder=folder / "none",
        processes=1,
    )
    write_table(table, folder / "saliency.csv")
    fuse(RUN / "cams/train.h5", folder / "saliency.csv", folder / "masks.csv")
    return read_saliency(Path(table["path"][0]))


def _changed_saliency(data: bytes, folder: Path) -> np.ndarray:
    """Return what the masks stage sees of a map that was changed after it had been listed."""
    (folder / "train_000000.png").write_bytes(data)
    rows = [(f"train_00000{number}", "originals/saliency/opencv.png", "0" * 16) for number in range(3)]
    rows[0] = ("train_000000", str(folder / "train_000000.png"), "0" * 16)
    write_table(rows, folder / "saliency.csv")
    fuse(RUN / "cams/train.h5", folder / "saliency.csv", folder / "masks.csv")
    return read_saliency(folder / "train_000000.png")


def _judge_saliency(mutant: Mutant, found: np.ndarray) -> str:
    problem = damage(mutant.data)
    if problem:
        return f"accepted, though {problem} tells that it is damaged"
    if found.shape != (SIDE_PX, SIDE_PX) or not ((found >= 0) & (found <= 1)).all():
        return f"a map {found.shape} from {found.min()} to {found.max()}"
    expected = cv2.imdecode(np.frombuffer(mutant.data, np.uint8), cv2.IMREAD_UNCHANGED)
    if mutant.data.startswith(b"\x89PNG") and (indices := png_indices(mutant.data)) is not None:
        step = {1: 255, 2: 85, 4: 17, 8: 1}[mutant.data[24]]
        expected = indices * step
    return "" if np.array_equal(np.rint(255 * found), expected) else "other grey levels than the file stores"


JPEGS = tuple(f"photos/{name}.jpg" for name in ("scene", "turned", "progressive", "grey", "large"))
PNGS = tuple(f"photos/{name}.png" for name in ("scene", "palette", "alpha", "grey"))
MASKS = tuple(f"masks/{name}.png" for name in ("mask", "plain", "grey", "four_bits"))
SALIENCY = ("saliency/opencv.png", "saliency/pillow.png")

KINDS = (
    Kind(
        name="photo-jpeg",
        names=r"mutant\.jpg",
        suffix=".jpg",
        originals=JPEGS,
        mutators=JPEG,
        consume=lambda data, folder: _photo(data, folder, suffix=".jpg"),
        judge=_judge_photo,
    ),
    Kind(
        name="photo-png",
        names=r"mutant\.png",
        suffix=".png",
        originals=PNGS,
        mutators=PNG,
        left_out=lacks_rows,
        consume=lambda data, folder: _photo(data, folder, suffix=".png"),
        judge=_judge_photo,
    ),
    Kind(
        name="true-mask",
        names=r"mask\.png",
        suffix=".png",
        originals=MASKS,
        mutators=PNG,
        left_out=lacks_rows,
        consume=_true_mask,
        judge=lambda mutant, found: _judge_mask(mutant, found, classes=len(CLASSES)),
    ),
    Kind(
        name="external-mask",
        names=r"train_000000\.png",
        suffix=".png",
        originals=MASKS,
        mutators=PNG,
        left_out=lacks_rows,
        consume=_external_mask,
        judge=lambda mutant, found: _judge_mask(mutant, found, classes=len(classes_of_run())),
    ),
    Kind(
        name="pseudo-mask",
        names=r"train_000000\.png",
        suffix=".png",
        originals=MASKS,
        mutators=PNG,
        left_out=lacks_rows,
        consume=_pseudo_mask,
        judge=lambda mutant, found: _judge_mask(mutant, found, classes=len(classes_of_run())),
    ),
    Kind(
        name="saliency-folder",
        names=r"train_000000\.png",
        suffix=".png",
        originals=SALIENCY,
        mutators=PNG,
        left_out=lacks_rows,
        consume=_saliency,
        judge=_judge_saliency,
    ),
    Kind(
        name="saliency-listed",
        names=r"train_000000\.png",
        suffix=".png",
        originals=SALIENCY,
        mutators=PNG,
        left_out=lacks_rows,
        consume=_changed_saliency,
        judge=_judge_saliency,
    ),
)
