"""Files whose bytes are damaged one after the other."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mdc.runtime.errors import InputError

CHECKSUM_BYTES = 4  # of a part of a PNG
END_BYTES = 4 + 4 + CHECKSUM_BYTES  # the last part: its length, its name and its checksum


def unnoticed(path: Path, read: Callable[[Path], np.ndarray]) -> list[int]:
    """Flip a bit of every byte of a file in turn; return the places at which `read` does not refuse the file.

    Asserts that it gives the same array there, and that it names the file elsewhere.
    """
    whole, expected = path.read_bytes(), read(path)
    found = []
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            np.testing.assert_array_equal(read(path), expected)
            found.append(at)
        except InputError as error:
            assert str(path) in str(error)
    path.write_bytes(whole)
    return found


def uncounted_in_png(path: Path) -> list[int]:
    """Return the places of a PNG's bytes that nothing depends on: the length and the checksum of its end."""
    size = path.stat().st_size
    return [*range(size - END_BYTES, size - END_BYTES + 4), *range(size - CHECKSUM_BYTES, size)]
