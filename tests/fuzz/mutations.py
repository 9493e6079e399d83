"""How files of any kind, and texts, are damaged or changed. Every mutator is a function of a generator and bytes."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Rng = np.random.Generator
Mutator = Callable[[Rng, bytes], bytes]

HUGE = "9" * 400
WEIRD_TOKENS = (
    *("-1", "0", "1", "-0.0", "1e3", "1e999", "-1e-999", "nan", "NaN", ".nan", "inf", "-inf", ".inf", HUGE, "1_000"),
    *("0x10", "010", "٣", "½", "1,5", "true", "no", "null", "~", "None", "", " ", "\t", "\n", "\r", "\r\n", "\x00"),
    *("é", "日本", "😀", "\u202e", "\ufeff", "\u00a0", "\u2028", "\ud800", "e\u0301", "ſ", "a" * 300, "b/" * 2500),
    *("x" * 200_000, "..", "../..", "/etc/passwd", "\\", "/", ".", "~/x", "%2F", "%", "*", "&x", "<", ">", "&amp;"),
    *('"', "'", '""', "`", ",", ";", ":", "#", "{", "}", "[", "]", "|", "-", "<!--", "]]>", "<![CDATA[", "&lt;"),
)


def pick(rng: Rng, things: Sequence) -> Any:
    """Return one of `things`, as it is: numpy's own choice makes arrays of them."""
    return things[int(rng.integers(len(things)))]


def _span(rng: Rng, data: bytes, longest: int = 4096) -> tuple[int, int]:
    start = int(rng.integers(0, len(data) + 1))
    length = int(min(2 ** rng.uniform(0, np.log2(longest)), len(data) - start))
    return start, start + length


def flip_bits(rng: Rng, data: bytes) -> bytes:
    changed = bytearray(data)
    for place in rng.integers(0, max(len(data), 1), int(rng.integers(1, 9))) if data else []:
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def flip_one_bit(rng: Rng, data: bytes) -> bytes:
    changed = bytearray(data)
    if data:
        changed[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def flip_early_bits(rng: Rng, data: bytes) -> bytes:
    """Damage the first kilobyte, where most formats have their headers."""
    return flip_bits(rng, data[:1024]) + data[1024:]


def flip_late_bits(rng: Rng, data: bytes) -> bytes:
    """Damage the last kilobyte, where archives have their directories."""
    return data[:-1024] + flip_bits(rng, data[-1024:])


def set_run(rng: Rng, data: bytes) -> bytes:
    start, end = _span(rng, data)
    fill = [bytes(end - start), b"\xff" * (end - start), rng.bytes(end - start)]
    return data[:start] + fill[int(rng.integers(3))] + data[end:]


def truncate(rng: Rng, data: bytes) -> bytes:
    return data[: int(rng.integers(0, max(len(data), 1)))]


def truncate_a_little(rng: Rng, data: bytes) -> bytes:
    return data[: -int(rng.integers(1, 65))]


def duplicate_block(rng: Rng, data: bytes) -> bytes:
    start, end = _span(rng, data)
    place = int(rng.integers(0, len(data) + 1))
    return data[:place] + data[start:end] + data[place:]


def remove_block(rng: Rng, data: bytes) -> bytes:
    start, end = _span(rng, data)
    return data[:start] + data[end:]


def swap_blocks(rng: Rng, data: bytes) -> bytes:
    size = pick(rng, [16, 512, 4096])
    first, second = (size * int(rng.integers(0, len(data) // size + 1)) for _ in range(2))
    changed = bytearray(data)
    a, b = changed[first : first + size], changed[second : second + size]
    changed[first : first + len(b)], changed[second : second + len(a)] = b, a
    return bytes(changed)


def insert_bytes(rng: Rng, data: bytes) -> bytes:
    place = int(rng.integers(0, len(data) + 1))
    return data[:place] + rng.bytes(int(rng.integers(1, 64))) + data[place:]


def append_bytes(rng: Rng, data: bytes) -> bytes:
    return data + rng.bytes(int(rng.integers(1, 4096)))


def empty(rng: Rng, data: bytes) -> bytes:
    return b""


BYTES: tuple[Mutator, ...] = (
    *(flip_one_bit, flip_bits, flip_bits, flip_early_bits, flip_late_bits, set_run, set_run, truncate),
    *(truncate_a_little, duplicate_block, remove_block, swap_blocks, insert_bytes, append_bytes),
)


def spliced(rng: Rng, data: bytes, other: bytes) -> bytes:
    """Return the beginning of one file and the end of another."""
    share = rng.uniform()
    return data[: int(share * len(data))] + other[int(share * len(other)) :]


# --- texts
_TOKEN = re.compile(rb"[\w.+-]+|\s+|[^\w\s]")


def _text(token: str) -> bytes:
    return token.encode(errors="surrogatepass")


def _replace_token(rng: Rng, data: bytes, pattern: re.Pattern, new: str) -> bytes:
    found = list(pattern.finditer(data))
    if not found:
        return _text(new)
    match = found[int(rng.integers(len(found)))]
    return data[: match.start()] + _text(new) + data[match.end() :]


def weird_token(rng: Rng, data: bytes) -> bytes:
    return _replace_token(rng, data, _TOKEN, pick(rng, WEIRD_TOKENS))


def weird_number(rng: Rng, data: bytes) -> bytes:
    return _replace_token(rng, data, re.compile(rb"-?\d[\d.e-]*"), pick(rng, WEIRD_TOKENS[:17]))


def weird_insertion(rng: Rng, data: bytes) -> bytes:
    place = int(rng.integers(0, len(data) + 1))
    return data[:place] + _text(pick(rng, WEIRD_TOKENS)) + data[place:]


def copied_token(rng: Rng, data: bytes) -> bytes:
    """Put a word of the text in another one's place."""
    words = re.findall(rb"\w[\w.-]*", data) or [b""]
    return _replace_token(rng, data, re.compile(rb"\w[\w.-]*"), words[int(rng.integers(len(words)))].decode("latin-1"))


def other_case(rng: Rng, data: bytes) -> bytes:
    words = re.findall(rb"[a-z]\w*", data) or [b""]
    return data.replace(word := words[int(rng.integers(len(words)))], word.upper(), 1)


def _lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def duplicate_line(rng: Rng, data: bytes) -> bytes:
    lines = _lines(data) or [b""]
    lines.insert(int(rng.integers(len(lines) + 1)), lines[int(rng.integers(len(lines)))])
    return b"".join(lines)


def remove_lines(rng: Rng, data: bytes) -> bytes:
    lines = _lines(data)
    start = int(rng.integers(len(lines) + 1))
    return b"".join(lines[:start] + lines[start + int(rng.integers(1, 4)) :])


def swap_lines(rng: Rng, data: bytes) -> bytes:
    lines = _lines(data) or [b""]
    first, second = rng.integers(0, len(lines), 2)
    lines[first], lines[second] = lines[second], lines[first]
    return b"".join(lines)


def other_indent(rng: Rng, data: bytes) -> bytes:
    lines = _lines(data) or [b""]
    number = int(rng.integers(len(lines)))
    line = lines[number]
    lines[number] = pick(rng, [b"  ", b" ", b"\t"]) + line if rng.uniform() < 0.5 else line.lstrip(b" ")
    return b"".join(lines)


def other_encoding(rng: Rng, data: bytes) -> bytes:
    """Save the text as editors on other systems do."""
    text = data.decode(errors="replace")
    kinds = {
        "BOM": b"\xef\xbb\xbf" + data,
        "CRLF": data.replace(b"\n", b"\r\n"),
        "CR": data.replace(b"\n", b"\r"),
        "UTF-16": text.encode("utf-16"),
        "Latin-1": text.replace("o", "ö").encode("latin-1", errors="replace"),
        "blank lines": data.replace(b"\n", b"\n\n"),
        "no end of line": data.rstrip(b"\n"),
        "blanks at line ends": data.replace(b"\n", b"  \n"),
    }
    return pick(rng, list(kinds.values()))


TEXT: tuple[Mutator, ...] = (
    *(weird_token, weird_token, weird_number, weird_number, weird_insertion, copied_token, copied_token, other_case),
    *(duplicate_line, remove_lines, swap_lines, other_indent, other_encoding),
)


# --- tables
def _rows(data: bytes) -> list[list[bytes]]:
    return [line.split(b",") for line in data.rstrip(b"\n").split(b"\n")]


def _table(rows: Sequence[Sequence[bytes]]) -> bytes:
    return b"".join(b",".join(row) + b"\n" for row in rows)


def weird_cell(rng: Rng, data: bytes) -> bytes:
    rows = _rows(data)
    row = rows[int(rng.integers(len(rows)))]
    row[int(rng.integers(len(row)))] = _text(pick(rng, WEIRD_TOKENS))
    return _table(rows)


def copied_cell(rng: Rng, data: bytes) -> bytes:
    """Give a row the cell of another row in the same column."""
    rows = _rows(data)
    first, second = (rows[int(rng.integers(len(rows)))] for _ in range(2))
    column = int(rng.integers(min(len(first), len(second))))
    first[column] = second[column]
    return _table(rows)


def remove_column(rng: Rng, data: bytes) -> bytes:
    rows = _rows(data)
    column = int(rng.integers(len(rows[0])))
    return _table([row[:column] + row[column + 1 :] for row in rows])


def duplicate_column(rng: Rng, data: bytes) -> bytes:
    rows = _rows(data)
    column, place = rng.integers(0, len(rows[0]), 2)
    return _table([[*row[:place], *row[column : column + 1], *row[place:]] for row in rows])


def swap_columns(rng: Rng, data: bytes) -> bytes:
    rows = _rows(data)
    for row in rows:
        if len(row) == len(rows[0]):
            row[0], row[-1] = row[-1], row[0]
    return _table(rows)


def longer_or_shorter_row(rng: Rng, data: bytes) -> bytes:
    rows = _rows(data)
    row = rows[int(rng.integers(len(rows)))]
    rows[rows.index(row)] = [*row, b"more"] if rng.uniform() < 0.5 else row[:-1]
    return _table(rows)


def longer_rows(rng: Rng, data: bytes) -> bytes:
    """Give every row but the header one more cell, which pandas would take for an index."""
    rows = _rows(data)
    return _table([rows[0], *([b"more", *row] for row in rows[1:])])


def quoted_cells(rng: Rng, data: bytes) -> bytes:
    quote = pick(rng, [b'"', b"'"])
    return _table([[quote + cell + quote if rng.uniform() < 0.5 else cell for cell in row] for row in _rows(data)])


def other_separator(rng: Rng, data: bytes) -> bytes:
    return data.replace(b",", pick(rng, [b";", b"\t", b", ", b" ", b",,"]))


TABLE: tuple[Mutator, ...] = (
    *(weird_cell, weird_cell, weird_cell, copied_cell, copied_cell, remove_column, duplicate_column, swap_columns),
    *(longer_or_shorter_row, longer_rows, quoted_cells, other_separator),
)
