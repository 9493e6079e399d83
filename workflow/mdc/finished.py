"""What a finished training has made, kept a second time until its settings or inputs change.

Between the end of a training and the moment in which Snakemake takes note of it lies a second in which a kill would
make Snakemake remove the outputs and train all epochs again. The second name costs no space: it links to the same file.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from mdc.logs import logger


def finished_folder(checkpoint: Path) -> Path:
    """Return where the outputs of a training are kept whose resume file is, or was, `checkpoint`."""
    return checkpoint.with_name(f".{checkpoint.stem.replace('resume', 'finished')}")


def keep_finished(folder: Path, outputs: Sequence[Path]) -> None:
    """Keep whole outputs in `folder`, which appears only when it has all of them."""
    temporary = folder.with_name(f"{folder.name}.tmp")
    for leftover in (temporary, folder):
        shutil.rmtree(leftover, ignore_errors=True)
    temporary.mkdir(parents=True)
    for output in outputs:
        _link(output, temporary / output.name)
    temporary.rename(folder)


def take_finished(folder: Path, outputs: Sequence[Path]) -> bool:
    """Put kept outputs in their places, if `folder` is there; return whether it is."""
    if not folder.is_dir():
        return False
    for output in outputs:
        output.unlink(missing_ok=True)
        _link(folder / output.name, output)
        os.utime(output)  # newer than the inputs, as what was just made
    logger.info("taking over the training that was finished in %s; remove that folder to train anew", folder)
    return True


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copy2(source, target)
