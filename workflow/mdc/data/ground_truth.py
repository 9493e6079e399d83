"""Checking early that there are the true masks that a setting needs."""

from pathlib import Path

from mdc.data.manifest import read_manifest
from mdc.runtime.errors import InputError, listing
from mdc.runtime.files import write_whole


def check_ground_truth(*, train_csv: Path, checked_txt: Path) -> None:
    """Write `checked_txt` if every training image of the manifest has a true mask.

    Raises:
        InputError: images have none; lists them all.
    """
    table = read_manifest(train_csv)
    missing = list(table["id"][table["mask"] == ""])
    if missing:
        headline = (
            f"segmenter.settings contains true-masks, but {len(missing)} of {len(table)} training images have no mask: "
            "add their masks or remove true-masks"
        )
        raise InputError(listing(headline, missing))
    write_whole(checked_txt, f"{len(table)} training images have a true mask\n".encode())


def check_some_ground_truth(*, train_csv: Path, checked_txt: Path) -> None:
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
