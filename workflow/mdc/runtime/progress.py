"""Progress with an estimate of the time left."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

from mdc.runtime.logs import logger

T = TypeVar("T")
SECONDS_BETWEEN_LINES = 15.0


def duration(seconds: float) -> str:
    """Return `seconds` as `s`, `m:ss` or `h:mm:ss`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}" if minutes else f"{rest} s"


class Meter:
    """Counts finished steps of `total` and shows the time left.

    A bar on a terminal; elsewhere a log line at most every 15 seconds, and one at the end. With `in_bytes`, steps are
    bytes and shown as MB.
    """

    def __init__(self, *, total: int, label: str, in_bytes: bool = False) -> None:
        self.total, self.label, self.done, self.in_bytes = total, label, 0, in_bytes
        self.start = self.last = time.monotonic()
        self.first = 0
        unit = {"unit": "B", "unit_scale": True} if in_bytes else {}
        self.bar = tqdm(total=total, desc=label, dynamic_ncols=True, **unit) if sys.stderr.isatty() else None

    def begin_at(self, done: int) -> None:
        """Say that `done` steps were finished by an earlier run, so that they do not count for the time left."""
        self.done = self.first = done
        if self.bar is not None:
            self.bar.initial = self.bar.n = done

    def step(self, note: str = "", *, count: int = 1) -> None:
        """Count `count` more steps; `note` is shown beside the number."""
        self.done += count
        if self.bar is not None:
            self.bar.set_postfix_str(note, refresh=False)
            self.bar.update(count)
            return
        now = time.monotonic()
        if now - self.last >= SECONDS_BETWEEN_LINES:
            self.last = now
            left = (now - self.start) / (self.done - self.first) * max(self.total - self.done, 0)
            note = f", {note}" if note else ""
            amount = f"{self._shown(self.done)} of {self._shown(self.total, unit=True)}"
            logger.info("%s: %s, about %s left%s", self.label, amount, duration(left), note)

    def close(self, *, quietly: bool = False) -> None:
        """End the bar and log the time it all took; `quietly`, as after a failure, only end the bar."""
        if self.bar is not None:
            self.bar.close()
        if quietly:
            return
        amount = self._shown(self.done, unit=True)
        logger.info("%s: %s done in %s", self.label, amount, duration(time.monotonic() - self.start))

    def _shown(self, number: int, *, unit: bool = False) -> str:
        return (f"{number / 1e6:.0f}" + " MB" * unit) if self.in_bytes else str(number)


def progress(items: Iterable[T], *, total: int, label: str) -> Iterator[T]:
    """Yield `items` while a `Meter` shows how many of `total` are done and the time left."""
    meter = Meter(total=total, label=label)
    for item in items:
        yield item
        meter.step()
    meter.close()
