"""PNGs with other headers, pixels or chunks."""

import struct
import zlib
from collections.abc import Iterator

from tests.fuzz.mutations import Rng, pick


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (type, content) of every chunk of an intact PNG."""
    place, kind = 8, b""
    while kind != b"IEND":
        (length,) = struct.unpack(">I", data[place : place + 4])
        kind = data[place + 4 : place + 8]
        yield kind, data[place + 8 : place + 8 + length]
        place += 12 + length


def png_of(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """Return a PNG of chunks, with their checksums."""
    parts = [
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def png_header(rng: Rng, data: bytes) -> bytes:
    """Change width, height, bits, colour type or interlacing."""
    (_, header), *rest = png_chunks(data)
    fields = list(struct.unpack(">IIBBBBB", header))
    field = int(rng.integers(7))
    values = [0, 1, fields[0] - 1, fields[0] + 1, 2 * fields[0], 40_000, 2**31 - 1]
    fields[field] = pick(rng, values) if field < 2 else pick(rng, [0, 1, 2, 3, 4, 6, 8, 16, 255])
    return png_of([(b"IHDR", struct.pack(">IIBBBBB", *fields)), *rest])


def png_pixels(rng: Rng, data: bytes) -> bytes:
    """Change bytes of the decompressed pixels."""
    chunks = list(png_chunks(data))
    pixels = bytearray(zlib.decompress(b"".join(content for kind, content in chunks if kind == b"IDAT")))
    for _ in range(int(rng.integers(1, 50))):
        pixels[int(rng.integers(len(pixels)))] = int(rng.integers(256))
    return _with_pixels(chunks, zlib.compress(bytes(pixels)))


def png_fewer_pixels(rng: Rng, data: bytes) -> bytes:
    """Leave out the end of the pixels, of their compressed stream or of its checksum, or add to it."""
    chunks = list(png_chunks(data))
    stream = b"".join(content for kind, content in chunks if kind == b"IDAT")
    pixels = zlib.decompress(stream)
    cut = int(rng.integers(len(pixels)))
    streams = [
        zlib.compress(pixels[:cut]),
        stream[: len(stream) * cut // len(pixels)],
        stream[:-4],
        stream[:-4] + b"abcd",
        zlib.compress(pixels + b"more" * 1000),
        stream + b"more",
        b"",
    ]
    return _with_pixels(chunks, pick(rng, streams))


def _with_pixels(chunks: list[tuple[bytes, bytes]], stream: bytes) -> bytes:
    before = [chunk for chunk in chunks if chunk[0] not in (b"IDAT", b"IEND")]
    return png_of([*before, (b"IDAT", stream), (b"IEND", b"")])


def png_chunks_changed(rng: Rng, data: bytes) -> bytes:
    """Remove, repeat, move or add a chunk."""
    chunks = list(png_chunks(data))
    place = int(rng.integers(len(chunks)))
    orientation = b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
    added = [
        *((b"eXIf", orientation), (b"tRNS", b"\x00\x80"), (b"tEXt", b"Comment\x00" + b"x" * 100), (b"ABCD", b"abc")),
        *((b"PLTE", b"\x00" * 7), (b"acTL", struct.pack(">II", pick(rng, [1, 2]), 0)), (b"zTXt", b"a\x00\x00xx")),
        *((b"gAMA", b"\x00\x00\x00\x00"), (b"iCCP", b"x\x00\x00" + zlib.compress(bytes(100)))),
    ]
    action = int(rng.integers(5))
    if action == 0:
        del chunks[place]
    elif action == 1:
        chunks.insert(place, chunks[place])
    elif action == 2:
        chunks.append(chunks.pop(place))
    else:
        chunks.insert(max(place, 1), pick(rng, added))
    return png_of(chunks)


PNG = (png_header, png_pixels, png_fewer_pixels, png_chunks_changed)
