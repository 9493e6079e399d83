"""Taking over masks that another method made, in the place of the masks stage."""

from pathlib import Path

from mdc.data.manifest import read_manifest
from mdc.data.mask_files import read_mask
from mdc.runtime.errors import InputError, listing
from mdc.runtime.hashes import file_digest
from mdc.runtime.progress import progress
from mdc.storage.image_tables import png_path, write_table


def link_masks(*, split_csv: Path, folder: Path, masks_csv: Path, classes: int) -> None:
    """Write the table of the masks `<folder>/<id>.png` of a split's images, after checking them all.

    A mask is a palette PNG as VOC's: 0 background, 1..classes, 255 unlabelled, at the size of the photo.

    Raises:
        InputError: masks are missing, of another size or have other indices; lists them all.
    """
    table = read_manifest(split_csv)
    rows, problems = [], []
    for row in progress(table.itertuples(), total=len(table), label="link_masks"):
        path = png_path(folder, row.id)
        try:
            read_mask(path, classes=classes, size=(row.height, row.width))
        except InputError as error:
            problems.append(str(error))
        else:
            rows.append((row.id, str(path), file_digest(path)))
    if problems:
        raise InputError(listing(f"masks.own_masks, {len(problems)} masks cannot be used:", problems))
    write_table(rows, masks_csv)
