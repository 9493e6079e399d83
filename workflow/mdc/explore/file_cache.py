"""Values read from files, read again when a file changes: a run can be looked at while it is written."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def file_state(path: Path) -> tuple[int, int] | None:
    """Return what changes when a file does, its time and size; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


class FileCache:
    """The newest values that functions made of files."""

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._values: OrderedDict[Hashable, tuple[Any, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, make: Callable[[], T], *key: Hashable, files: tuple[Path, ...]) -> T:
        """Return `make()`, or what it returned for the same `key` while `files` had the state that they have now."""
        state = tuple(map(file_state, files))
        with self._lock:
            known = self._values.get(key)
            if known and known[0] == state:
                self._values.move_to_end(key)
                return known[1]
        value = make()
        with self._lock:
            self._values[key] = (state, value)
            self._values.move_to_end(key)
            while len(self._values) > self._entries:
                self._values.popitem(last=False)
        return value
