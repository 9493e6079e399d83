"""Names of files that people and programs write differently: in case, and in Unicode's normal form."""

import unicodedata
from collections.abc import Iterable


def nfc(name: str) -> str:
    """Return `name` in Unicode's composed normal form; macOS and some archives hand out the decomposed one."""
    return unicodedata.normalize("NFC", name)


class Names:
    """A set of names, to be found by what people write."""

    def __init__(self, names: Iterable[str]) -> None:
        self._exact = set(names)
        self._alike: dict[str, list[str]] = {}
        for name in sorted(self._exact):
            self._alike.setdefault(_plain(name), []).append(name)

    def find(self, name: str) -> list[str]:
        """Return [name] if it is in the set, else all of the set that differ from it in case or normal form only."""
        return [name] if name in self._exact else self._alike.get(_plain(name), [])


def _plain(name: str) -> str:
    return nfc(nfc(name).casefold())
