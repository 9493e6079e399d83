"""Logging into the rule's log and the terminal, and progress with an estimate of the time left."""

import logging
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from mdc.errors import InputError, StoppedError
from mdc.files import disk_faults_named, disk_sentence, is_disk_fault, locked
from mdc.memory import memory_sentence, ran_out
from mdc.processes import end_with_parent

T = TypeVar("T")
logger = logging.getLogger("mdc")
SECONDS_BETWEEN_LINES = 15.0


def run_logged(log_path: str, function: Callable[[], None]) -> None:
    """Call `function` with messages going to `log_path` and the terminal; exit with status 1 if it raises.

    An `InputError` is shown as its sentence, and so are faults of the surroundings: a full disk, too little memory,
    being stopped (by Ctrl-C with status 130). Any other exception is a defect: its traceback goes to both places.
    Nothing is called while another process runs the same job. When Snakemake is killed, the job stops as by SIGTERM. Of
    the processes that share a training, all but the first tell only what went wrong.
    """
    log = Path(log_path)
    first = os.environ.get("LOCAL_RANK", "0") == "0"
    logging.basicConfig(
        level=logging.INFO if first else logging.WARNING, handlers=[_formatted(logging.StreamHandler(sys.stderr))]
    )
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # tells every table of every font in a PDF
    logging.captureWarnings(True)
    warnings.filterwarnings("ignore", module="lightning|torch")  # about their own internals
    try:
        signal.signal(signal.SIGTERM, _stop)
        # of a killed Snakemake: the next one makes again what this job would still make
        end_with_parent(signal.SIGTERM)
        with disk_faults_named(log):
            file = _LogFile(log)
        logging.getLogger().addHandler(_formatted(file))
        # Two Snakemakes, one of them killed or on another machine, must not write the same files.
        with locked(log, what="running this job") if first else nullcontext():
            if first:
                file.stream.truncate(0)
            function()
    except KeyboardInterrupt:
        logger.error("stopped: run the same again to continue")
        sys.exit(130)
    except StoppedError:
        logger.error("stopped from outside: run the same again to continue")
        sys.exit(1)
    except InputError as error:
        logger.error("%s", error)
        sys.exit(1)
    except Exception as error:
        if is_disk_fault(error):
            logger.error("%s", disk_sentence(error, Path(error.filename or log.parent)))
        elif ran_out(error):
            logger.error("%s", memory_sentence(error))
        else:
            logger.exception("this is a defect of the program, not of your input:")
        sys.exit(1)


def _formatted(handler: logging.Handler) -> logging.Handler:
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    return handler


def _stop(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what is half done is being removed
    raise StoppedError


class _LogFile(logging.FileHandler):
    """The rule's log; when the disk no longer takes it, the work goes on: the terminal shows the same."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, mode="a", errors="backslashreplace")  # names of files may be no UTF-8
        self.is_refused = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (the name is logging's)
        error = sys.exc_info()[1]
        if not is_disk_fault(error):
            super().handleError(record)
        elif not self.is_refused:
            self.is_refused = True
            print(disk_sentence(error, Path(self.baseFilename)), file=sys.stderr)


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
