"""Damage to pictures that decode all the same."""

import struct
import zlib

from simplejpeg import decode_jpeg

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8"
HEADER_AT = 16  # place of width, height, bits, ... in a PNG
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by a PNG's colour type
WHOLE = ((0, 0, 1, 1),)  # first column and row and their steps
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
INFLATED_AT_ONCE = 1 << 20  # bytes: only their checksum is wanted


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
