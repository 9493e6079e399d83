"""Reading photos: any kind of file once, at the data stage; plain 8-bit RGB files from then on.

OpenCV and Pillow disagree about rotation flags, CMYK, alpha and 16 bits. So photos that are not plain are converted
once into plain copies, and every later stage may read them by the fast reader without thinking.
"""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError
from simplejpeg import decode_jpeg

from mdc.errors import InputError
from mdc.files import write_whole

JPEG_QUALITY = 95
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8"
HEADER_AT = 16  # place of width, height, bits, ... in a PNG
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by a PNG's colour type
WHOLE = ((0, 0, 1, 1),)  # first column and row and their steps
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
BITS_AT = 24  # place of the byte in a PNG that tells the bits per channel
INFLATED_AT_ONCE = 1 << 20  # bytes: only their checksum is wanted
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # what brings a picture with each EXIF orientation upright; Pillow's angles count anticlockwise


def read_image(path: Path) -> np.ndarray:
    """Return a plain photo: uint8 RGB (H, W, 3).

    For files of which `is_plain` is true and for plain copies; no rotation flag is applied.
    Raises `InputError` when the file is missing or does not decode.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION) if Path(path).is_file() else None
    if image is None:
        raise InputError(f"{path}: is missing or does not decode: restore it or run the data stage again")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def read_any_image(path: Path, *, max_side_px: int) -> np.ndarray:
    """Return a photo of any kind as a viewer shows it: uint8 RGB (H, W, 3), long side at most `max_side_px`.

    Raises `InputError` when the file is missing, damaged, truncated or of a kind that cannot become RGB.
    """
    return bounded_rgb(decode_upright(path), max_side_px=max_side_px, source=path)


def is_plain(path: Path, *, max_side_px: int) -> bool:
    """Return whether `read_image` shows the file as `read_any_image` does: judged by the header, without decoding.

    True for 8-bit RGB JPEG and PNG without rotation flag, transparency and second frame, long side at most
    `max_side_px`. Raises `InputError` when the file is missing or its header is damaged.
    """
    with _opened(path) as image:
        if image.format == "PNG" and Path(path).read_bytes()[BITS_AT] != 8:
            return False
        return bool(
            image.format in ("JPEG", "PNG")
            and image.mode == "RGB"
            and not image.has_transparency_data
            and getattr(image, "n_frames", 1) == 1
            and max(image.size) <= max_side_px
            and _turn(image) is None
        )


def decode_upright(path: Path) -> Image.Image:
    """Return `decode` of a file, turned as its rotation flag says."""
    return upright(decode(path))


def decode(path: Path) -> Image.Image:
    """Return the first frame, fully decoded, as it is stored, in the file's own colour mode.

    Raises `InputError` when the file is missing, damaged or truncated.
    """
    try:
        with _opened(path) as image:
            image.load()
        problem = damage(Path(path).read_bytes())
    except InputError:
        raise
    except Exception as error:  # what Pillow raises for a damaged file depends on which byte is damaged
        raise InputError(f"{path}: does not decode: copy or save it again ({error})") from error
    if problem:
        raise InputError(f"{path}: is damaged, {problem}: copy or save it again")
    return image


def damage(data: bytes) -> str:
    """Return what tells that a picture which decodes is damaged all the same, as the end of a sentence; or nothing.

    For PNGs: the checksums of their parts and of their pixels, and their end. For JPEGs: data that end before the
    picture does, which is grey from there on. Readers pass over these, Pillow over some and OpenCV over others, and
    give the rest of the picture for the whole one.
    """
    if data.startswith(PNG_SIGNATURE):
        return _png_damage(data)
    return _jpeg_damage(data) if data.startswith(JPEG_SIGNATURE) else ""


def _jpeg_damage(data: bytes) -> str:
    try:
        # at an eighth of its size, because only what libjpeg says is wanted; Pillow and OpenCV do not hand it on
        decode_jpeg(data, "GRAY", min_height=1, min_width=1, min_factor=8, strict=True)
    except ValueError as error:
        # of the other warnings, viewers and cameras make light
        return "a part of the picture is missing" if "remature end" in str(error) else ""
    return ""


def _png_damage(data: bytes) -> str:
    """Return what is wrong with a PNG whose header Pillow has read."""
    place, kind, pixels = len(PNG_SIGNATURE), b"", []
    while kind != b"IEND":
        if place + 12 > len(data):
            return "its end is missing"
        (length,) = struct.unpack_from(">I", data, place)
        kind, end = data[place + 4 : place + 8], place + 8 + length
        if data[end : end + 4] != struct.pack(">I", zlib.crc32(data[place + 4 : end])):
            return "a checksum is wrong"
        if kind == b"IDAT":
            pixels.append(data[place + 8 : end])
        place = end + 4
    stream, inflate, found = b"".join(pixels), zlib.decompressobj(), 0
    try:
        while stream and not inflate.eof:
            found += len(inflate.decompress(stream, INFLATED_AT_ONCE))
            stream = inflate.unconsumed_tail
    except zlib.error:
        return "the checksum of its pixels is wrong"
    return "" if inflate.eof and found >= _pixel_bytes(data) else "pixels are missing"


def _pixel_bytes(png: bytes) -> int:
    """Return how many bytes the pixels of a PNG take, filters included, before they are compressed."""
    width, height, bits, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", png, HEADER_AT)
    total = 0
    for x, y, step_x, step_y in ADAM7 if interlaced else WHOLE:
        columns, rows = -(-(width - x) // step_x), -(-(height - y) // step_y)
        total += rows * (1 + -(-columns * bits * CHANNELS[colour] // 8)) if columns > 0 and rows > 0 else 0
    return total


def upright(image: Image.Image) -> Image.Image:
    """Return a decoded picture turned as its rotation flag says; as it is without one."""
    turn = _turn(image)
    return image if turn is None else image.transpose(turn)


def bounded_rgb(image: Image.Image, *, max_side_px: int, source: Path) -> np.ndarray:
    """Return a decoded photo of any mode as uint8 RGB (H, W, 3), long side at most `max_side_px` (area resampling).

    Raises `InputError` naming `source` when the mode cannot become RGB.
    """
    try:
        rgb = _rgb(image)
    except Exception as error:  # Pillow's, for pictures that decode and hold what cannot be
        raise InputError(f"{source}: cannot become 8-bit RGB: save it as JPEG or PNG ({error})") from error
    height, width = bounded_size(image.height, image.width, max_side_px=max_side_px)
    if (height, width) == rgb.shape[:2]:
        return rgb
    return cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)


def bounded_mask(mask: np.ndarray, *, max_side_px: int) -> np.ndarray:
    """Return a mask, uint8 (H, W), at the size `bounded_rgb` gives its photo, each pixel the nearest index."""
    height, width = bounded_size(*mask.shape, max_side_px=max_side_px)
    # Unlike INTER_NEAREST, the exact kind goes by pixel centres, as area resampling does: no shift against the photo.
    return cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)


def bounded_size(height: int, width: int, *, max_side_px: int) -> tuple[int, int]:
    """Return (height, width) scaled so that the longer is at most `max_side_px`, rounded, at least 1."""
    scale = min(1.0, max_side_px / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def write_plain(path: Path, image: np.ndarray) -> None:
    """Write `image`, uint8 RGB (H, W, 3), as a JPEG of quality 95 without colour subsampling, whole or not at all."""
    settings = [
        *(cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY),
        *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
    ]
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), settings)
    write_whole(path, data.tobytes())


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such image") from error
    except UnidentifiedImageError as error:
        raise InputError(f"{path}: is not an image in a known format: save it as JPEG or PNG") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{path}: is too large: save it with fewer pixels ({error})") from error
    except Exception as error:  # what Pillow raises for a damaged file depends on which byte is damaged
        raise InputError(f"{path}: cannot be read: copy or save it again ({error})") from error


def _turn(image: Image.Image) -> Image.Transpose | None:
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation))
    except Exception:  # viewers show photos with damaged EXIF data as they are stored, and so do we
        return None


def _rgb(image: Image.Image) -> np.ndarray:
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _rgb_of_16_bits(np.asarray(image))
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers without a known white")
    if image.has_transparency_data:
        # The colours under transparent pixels are leftovers nobody saw who tagged the photo; viewers show white.
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return np.array(image.convert("RGB"))


def _rgb_of_16_bits(grey: np.ndarray) -> np.ndarray:
    # Pillow's own conversion clips at 255, which leaves a white picture.
    if grey.min() < 0 or grey.max() > 65535:
        raise ValueError("its grey values need more than 16 bits")
    eight_bits = np.round(grey / 257).astype(np.uint8)  # 65535 = 255 * 257
    return np.repeat(eight_bits[:, :, None], 3, axis=2)
