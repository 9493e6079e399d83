"""JPEGs with other segments, sizes or ends."""

import struct

from tests.fuzz.mutations import Rng, pick


def jpeg_segments(data: bytes) -> tuple[list[bytes], bytes]:
    """Return the segments of an intact JPEG before its first scan, and the rest from that scan on."""
    place, segments = 2, []
    while data[place + 1] != 0xDA:
        (length,) = struct.unpack(">H", data[place + 2 : place + 4])
        segments.append(data[place : place + 2 + length])
        place += 2 + length
    return segments, data[place:]


def jpeg_segments_changed(rng: Rng, data: bytes) -> bytes:
    """Remove, repeat or move a segment, or change a byte of one."""
    segments, rest = jpeg_segments(data)
    place = int(rng.integers(len(segments)))
    action = int(rng.integers(4))
    if action == 0:
        del segments[place]
    elif action == 1:
        segments.insert(place, segments[place])
    elif action == 2:
        segments.append(segments.pop(place))
    else:
        changed = bytearray(segments[place])
        changed[int(rng.integers(4, len(changed)))] = int(rng.integers(256))
        segments[place] = bytes(changed)
    return data[:2] + b"".join(segments) + rest


def jpeg_size(rng: Rng, data: bytes) -> bytes:
    """Change height or width in the header of the frame."""
    segments, rest = jpeg_segments(data)
    for number, segment in enumerate(segments):
        if segment[1] in (0xC0, 0xC2):
            place = pick(rng, [5, 7])
            size = struct.pack(">H", pick(rng, [0, 1, 8, 63, 65, 100, 1000, 65_500]))
            segments[number] = segment[:place] + size + segment[place + 2 :]
    return data[:2] + b"".join(segments) + rest


def jpeg_ends_early(rng: Rng, data: bytes) -> bytes:
    """Cut off the end, or take out a piece, and end it as a whole file ends."""
    segments, rest = jpeg_segments(data)
    start = int(rng.integers(20, len(rest)))
    end = len(rest) - 2 if rng.uniform() < 0.5 else min(start + int(rng.integers(1, 400)), len(rest) - 2)
    return data[:2] + b"".join(segments) + rest[:start] + rest[max(start, end) :]


JPEG = (jpeg_segments_changed, jpeg_size, jpeg_ends_early)
