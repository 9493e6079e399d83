"""Checking early that there are true masks to choose a threshold by."""

from pathlib import Path

from mdc.errors import InputError
from mdc.files import write_whole
from mdc.manifest import read_manifest


def check_some_true_masks(*, train_csv: Path, checked_txt: Path) -> None:
    """Write `checked_txt` if a training image of the manifest has a true mask.

    Raises:
        InputError: none has.
    """
    table = read_manifest(train_csv)
    found = int((table["mask"] != "").sum())
    if not found:
        raise InputError(
            "masks.threshold: best, here or in variants, is chosen on true masks, but no training image has one: "
            "give a number"
        )
    write_whole(checked_txt, f"{found} training images have a true mask\n".encode())
