"""Damage to pictures that decode all the same."""

from io import BytesIO

from PIL import Image
from simplejpeg import decode_jpeg

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8"


def damage(data: bytes) -> str:
    """Return why a picture that decodes is damaged all the same, as the end of a sentence; empty if it is not.

    For PNGs: the checksums of their parts, and their end. For JPEGs: data that end before the picture does, which is
    grey from there on. Readers pass over these, Pillow over some and OpenCV over others, and give the rest of the
    picture for the whole one.
    """
    if data.startswith(PNG_SIGNATURE):
        return _png_damage(data)
    return _jpeg_damage(data) if data.startswith(JPEG_SIGNATURE) else ""


def _png_damage(data: bytes) -> str:
    try:
        Image.open(BytesIO(data), formats=["PNG"]).verify()
    except Exception as error:  # what Pillow raises depends on which byte is damaged
        return str(error)
    return ""


def _jpeg_damage(data: bytes) -> str:
    try:
        # at an eighth of its size, because only what libjpeg says is wanted; Pillow and OpenCV do not hand it on
        decode_jpeg(data, "GRAY", min_height=1, min_width=1, min_factor=8, strict=True)
    except ValueError as error:
        # of the other warnings, viewers and cameras make light
        return "a part of the picture is missing" if "remature end" in str(error) else ""
    return ""
