"""A second copy of a finished training's results, kept until its settings or inputs change.

Between the end of a training and the moment in which Snakemake takes note of it lies a second in which a kill would
make Snakemake remove the outputs and train all epochs again. The second name costs no space: it links to the same file.
What changes that file in place changes both, so their digests are kept too, and nothing damaged is taken over.
"""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch

from mdc.runtime.hashes import file_digest
from mdc.runtime.logs import logger

KEPT = "kept.json"


def completed_folder(checkpoint: Path) -> Path:
    """Return where the outputs of a training are kept whose resume file is, or was, `checkpoint`."""
    return checkpoint.with_name(f".{checkpoint.stem.replace('resume', 'completed')}")


def keep_completed(folder: Path, outputs: Sequence[Path]) -> None:
    """Keep whole outputs in `folder`, which appears only when it has all of them and their digests."""
    temporary = folder.with_name(f"{folder.name}.tmp")
    for leftover in (temporary, folder):
        shutil.rmtree(leftover, ignore_errors=True)
    temporary.mkdir(parents=True)
    for output in outputs:
        _link(output, temporary / output.name)
    (temporary / KEPT).write_text(json.dumps(_description(outputs)))
    temporary.rename(folder)


def take_completed(folder: Path, outputs: Sequence[Path]) -> bool:
    """Put kept outputs in their places and return True; False if there are none, or not as this PyTorch made them."""
    if not folder.is_dir():
        return False
    kept = [folder / output.name for output in outputs]
    try:
        is_whole = json.loads((folder / KEPT).read_text()) == _description(kept)
    except (OSError, ValueError):  # something is missing or unreadable
        is_whole = False
    if not is_whole:
        logger.info("the finished training in %s was changed, or made by another PyTorch: training again", folder)
        return False
    for output in outputs:
        output.unlink(missing_ok=True)
        _link(folder / output.name, output)
        os.utime(output)  # newer than the inputs, as what was just made
    logger.info("reusing the finished training in %s; remove that folder to train again", folder)
    return True


def _description(outputs: Sequence[Path]) -> dict[str, str]:
    """Return what must not have changed: the version of PyTorch, and the digest of each file by its name."""
    return {"torch": torch.__version__} | {output.name: file_digest(output) for output in outputs}


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copy2(source, target)
