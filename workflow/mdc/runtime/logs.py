"""Logging into the rule's log and the terminal."""

import logging
import sys
from pathlib import Path

from mdc.runtime.disk import disk_sentence, is_disk_fault
from mdc.runtime.errors import printable

logger = logging.getLogger("mdc")


class _Printable(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def _formatted(handler: logging.Handler) -> logging.Handler:
    handler.setFormatter(_Printable("%(asctime)s %(message)s", "%H:%M:%S"))
    return handler


class _LogFile(logging.FileHandler):
    """The rule's log; when it can no longer be written, the work continues: the terminal shows the same."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, mode="a", encoding="utf-8", errors="backslashreplace")  # names of files may be no UTF-8
        self.is_refused = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (the name is logging's)
        error = sys.exc_info()[1]
        if not is_disk_fault(error):
            super().handleError(record)
        elif not self.is_refused:
            self.is_refused = True
            print(disk_sentence(error, Path(self.baseFilename)), file=sys.stderr)
