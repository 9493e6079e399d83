"""Reading lists of ids and of names."""

import re
from pathlib import Path

from mdc.runtime.errors import InputError

# VOC's own lists of one class right-align the second column to two characters. Asking for exactly that keeps
# ids such as "photo 1" whole.
_MAIN_COLUMN = re.compile(r"(.*\S) (?: 1|-1| 0)")


def read_lines(path: Path) -> list[str]:
    """Return the lines of a UTF-8 text file, with or without byte-order mark, stripped and without the blank ones.

    Raises `InputError` when the file is missing or is not UTF-8.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text: save it again as UTF-8") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def read_list(path: Path) -> list[str]:
    """Return the image ids of a VOC list, one a line, in the file's order.

    The second column of VOC's lists of one class (" 1", "-1", " 0" after a space) is dropped if every line has it.
    Raises `InputError` when the file is missing or is not UTF-8.
    """
    lines = read_lines(path)
    with_column = [_MAIN_COLUMN.fullmatch(line) for line in lines]
    return [match[1].rstrip() for match in with_column if match] if all(with_column) else lines
