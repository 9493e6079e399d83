"""How files of any kind, texts and tables are changed. A mutator is a function of a generator and bytes."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Rng = np.random.Generator
Mutator = Callable[[Rng, bytes], bytes]
TOKENS = (
    *("-1", "0", "1", "1e3", "1e999", "nan", ".inf", "9" * 400, "1_000", "0x10", "٣", "½", "1,5", "true", "no", "null"),
    *(
        "~",
        "",
        " ",
        "\t",
        "\n",
        "\r\n",
        "\x00",
        "é",
        "😀",
        "\u202e",
        "\ufeff",
        "\u2028",
        "\ud800",
        "e\u0301",
        "a" * 300,
    ),
    *("b/" * 2500, "x" * 200_000, "..", "/etc/passwd", "\\", "~/x", "%2F", "*", "&x", "<", "&amp;", '"', "'", ",", ";"),
    *(":", "#", "{", "]", "|", "-", "<!--", "]]>"),
)


def pick(rng: Rng, things: Sequence) -> Any:
    """Return one of `things`, as it is: numpy's own choice makes arrays of them."""
    return things[int(rng.integers(len(things)))]


def _span(rng: Rng, data: bytes) -> slice:
    start = int(rng.integers(0, len(data) + 1))
    return slice(start, start + int(2 ** rng.uniform(0, 12)))


def flip_bits(rng: Rng, data: bytes) -> bytes:
    """Flip one to eight bits, often near the beginning or the end, where formats have headers and directories."""
    changed = bytearray(data)
    first = pick(rng, [0, 0, max(len(data) - 1024, 0)])
    last = pick(rng, [len(data), min(1024, len(data))]) if first == 0 else len(data)
    for place in rng.integers(first, last, int(rng.integers(1, 9))) if data else []:
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def set_run(rng: Rng, data: bytes) -> bytes:
    span = _span(rng, data)
    size = len(data[span])
    return data[: span.start] + pick(rng, [bytes(size), b"\xff" * size, rng.bytes(size)]) + data[span.start + size :]


def truncate(rng: Rng, data: bytes) -> bytes:
    return data[: int(rng.integers(0, max(len(data), 1)))] if rng.uniform() < 0.5 else data[: -int(rng.integers(1, 65))]


def move_block(rng: Rng, data: bytes) -> bytes:
    """Repeat, remove or insert a block."""
    span, place = _span(rng, data), int(rng.integers(0, len(data) + 1))
    if rng.uniform() < 0.3:
        return data[: span.start] + data[span.stop :]
    return data[:place] + pick(rng, [data[span], rng.bytes(40)]) + data[place:]


BYTES: tuple[Mutator, ...] = (flip_bits, flip_bits, set_run, truncate, move_block)


def _text(token: str) -> bytes:
    return token.encode(errors="surrogatepass")


def odd_token(rng: Rng, data: bytes) -> bytes:
    """Put an odd token, or another word of the text, in the place of a word or a number."""
    found = list(re.finditer(pick(rng, [rb"[\w.+-]+|\s+|[^\w\s]", rb"-?\d[\d.e-]*", rb"\w[\w.-]*"]), data))
    new = pick(rng, [_text(pick(rng, TOKENS)), pick(rng, re.findall(rb"\w[\w.-]*", data) or [b""])])
    if not found:
        return new
    match = pick(rng, found)
    return data[: match.start()] + new + data[pick(rng, [match.end(), match.start()]) :]


def other_lines(rng: Rng, data: bytes) -> bytes:
    """Repeat, remove, swap or indent lines."""
    lines = data.splitlines(keepends=True) or [b""]
    a, b, action = *rng.integers(0, len(lines), 2), int(rng.integers(4))
    if action == 0:
        lines.insert(a, lines[b])
    elif action == 1:
        del lines[a : a + 2]
    elif action == 2:
        lines[a], lines[b] = lines[b], lines[a]
    else:
        lines[a] = pick(rng, [b"  ", b"\t"]) + lines[a]
    return b"".join(lines)


def other_encoding(rng: Rng, data: bytes) -> bytes:
    """Save the text as editors on other systems do."""
    text = data.decode(errors="replace")
    kinds = [b"\xef\xbb\xbf" + data, data.replace(b"\n", b"\r\n"), data.replace(b"\n", b"\r"), text.encode("utf-16")]
    kinds += [text.replace("o", "ö").encode("latin-1", errors="replace"), data.rstrip(b"\n")]
    return pick(rng, kinds)


TEXT: tuple[Mutator, ...] = (odd_token, odd_token, other_lines, other_encoding)


def other_cells(rng: Rng, data: bytes) -> bytes:
    """Change a cell, a row or a column of a table."""
    rows = [line.split(b",") for line in data.rstrip(b"\n").split(b"\n")]
    row, other = pick(rng, rows), pick(rng, rows)
    column, action = int(rng.integers(min(len(row), len(other)))), int(rng.integers(6))
    if action == 0:
        row[column] = _text(pick(rng, TOKENS))
    elif action == 1:
        row[column] = other[column]
    elif action == 2:
        row.append(b"more")
    elif action == 3:
        rows = [cells[:column] + cells[column + 1 :] for cells in rows]
    elif action == 4:
        rows = [cells[: column + 1] + cells[column:] for cells in rows]
    else:
        rows = [rows[0], *([b"more", *cells] for cells in rows[1:])]  # pandas would take the first for an index
    return b"".join(b",".join(cells) + b"\n" for cells in rows)


TABLE: tuple[Mutator, ...] = (*TEXT, other_cells, other_cells, other_cells, other_cells)
