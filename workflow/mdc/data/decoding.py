"""Reading photos: any kind of file once, at the data stage; plain 8-bit RGB files from then on.

OpenCV and Pillow disagree about rotation flags, CMYK, alpha and 16 bits. So photos that are not plain are converted
once into plain copies, and every later stage may read them by the fast reader without thinking.
"""

import functools
import importlib
import os
from pathlib import Path

import cv2
import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from mdc.data.integrity import damage
from mdc.data.mask_sizes import nearest
from mdc.data.photo_files import FORMATS, HEIF_READER
from mdc.runtime.errors import NO_ACCESS, InputError

BITS_AT = 24  # place of the byte in a PNG that tells the bits per channel
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # what brings a picture with each EXIF orientation upright; Pillow's angles count anticlockwise


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
    """Return the first frame, fully decoded, in the file's own orientation and colour mode.

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


def upright(image: Image.Image) -> Image.Image:
    """Return a decoded picture turned as its rotation flag says; unchanged without one."""
    turn = _turn(image)
    return image if turn is None else image.transpose(turn)


def bounded_rgb(image: Image.Image, *, max_side_px: int, source: Path) -> np.ndarray:
    """Return a decoded photo of any mode as uint8 RGB (H, W, 3), long side at most `max_side_px` (area resampling).

    Raises `InputError` naming `source` when the mode cannot become RGB.
    """
    try:
        rgb = _rgb(image)
    except Exception as error:  # Pillow's, for pictures that decode and hold what cannot be
        raise InputError(f"{source}: cannot be converted to 8-bit RGB: save it as JPEG or PNG ({error})") from error
    height, width = bounded_size(image.height, image.width, max_side_px=max_side_px)
    if (height, width) == rgb.shape[:2]:
        return rgb
    return cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)


def bounded_mask(mask: np.ndarray, *, max_side_px: int) -> np.ndarray:
    """Return a mask, uint8 (H, W), at the size `bounded_rgb` gives its photo, each pixel the nearest index."""
    height, width = bounded_size(*mask.shape, max_side_px=max_side_px)
    return nearest(mask, height=height, width=width)


def bounded_size(height: int, width: int, *, max_side_px: int) -> tuple[int, int]:
    """Return (height, width) scaled so that the longer is at most `max_side_px`, rounded, at least 1."""
    scale = min(1.0, max_side_px / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


@functools.cache
def _formats() -> list[str]:
    """Return the formats that Pillow may read, after telling it of the one that it does not bring along."""
    if "HEIF" in FORMATS:
        importlib.import_module(HEIF_READER).register_heif_opener()
    return list(FORMATS)


def _opened(path: Path) -> Image.Image:
    if os.path.exists(path) and not os.path.isfile(path):  # opening a named pipe would wait for ever
        raise InputError(f"{path}: is not a file: remove it")
    try:
        return Image.open(path, formats=_formats())
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such image") from error
    except PermissionError as error:
        raise InputError(f"{path}: {NO_ACCESS}") from error
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
