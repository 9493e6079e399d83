"""Reading lists of ids and of names."""

import codecs
import re
from pathlib import Path

from mdc.runtime.errors import InputError

# VOC's own lists of one class right-align the second column to two characters. Asking for exactly that keeps
# ids such as "photo 1" whole.
_MAIN_COLUMN = re.compile(r"(.*\S) (?: 1|-1| 0)")


def read_text(path: Path) -> str:
    """Return a text file in UTF-8, with or without byte-order mark, or in UTF-16, as spreadsheets and Windows write it.

    Raises `InputError` when the file cannot be read or is in another encoding.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    encoding = "utf-8-sig"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    else:
        for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):  # without mark; no text is NUL at every second byte
            if 2 * data[first::2].count(0) > len(data[first::2]):
                encoding = name
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text: save it again as UTF-8 (a table as 'CSV UTF-8')") from error


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file, see `read_text`, stripped and without the blank ones."""
    return [line.strip() for line in read_text(path).splitlines() if line.strip()]


def read_list(path: Path) -> list[str]:
    """Return the image ids of a VOC list, one a line, in the file's order.

    The second column of VOC's lists of one class (" 1", "-1", " 0" after a space) is dropped if every line has it.
    Raises as `read_text`.
    """
    lines = read_lines(path)
    with_column = [_MAIN_COLUMN.fullmatch(line) for line in lines]
    return [match[1].rstrip() for match in with_column if match] if all(with_column) else lines
