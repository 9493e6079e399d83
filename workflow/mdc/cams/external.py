"""Another method's maps in the place of the classifier's."""

from collections.abc import Sequence
from pathlib import Path

from mdc.data.manifest import read_manifest, tag_indices
from mdc.runtime.errors import InputError
from mdc.runtime.shards import shard_of
from mdc.storage.hdf5 import CAMS, attributes, create, read_cams
from mdc.storage.hdf5_checks import has_endless_heap


def link_cams(
    *,
    own_h5: Path,
    split_csv: Path,
    cams_h5: Path,
    classes: Sequence[str],
    dilations: Sequence[int],
    shard: int,
    shards: int,
) -> None:
    """Put the maps of another method in the place of `dump_cams`: copy a shard's images after checking them.

    Raises:
        InputError: the file is not in the layout of `mdc.storage.hdf5`, its classes or dilations are not the configured
            ones, or an image is missing, of another size or has maps of other classes than its tags.
    """
    if own_h5.is_file() and has_endless_heap(own_h5):
        raise InputError(f"{own_h5}: is a damaged HDF5 file, a heap of its texts has no end: write it again")
    found = attributes(own_h5, kind=CAMS)
    for name, expected in (("classes", list(classes)), ("dilations", list(dilations))):
        if found.get(name) != expected:
            raise InputError(f"{own_h5}: attribute {name} is {found.get(name)}, the config says {expected}")
    table = shard_of(read_manifest(split_csv), shard, shards)
    with create(
        cams_h5,
        kind=CAMS,
        stride=found["stride"],
        classes=classes,
        weights_hash=str(found.get("weights_hash", "")),
        config={"own_h5": str(own_h5)},
        dilations=dilations,
    ) as writer:
        for row, cams in zip(table.itertuples(), read_cams(own_h5, list(table["id"])), strict=True):
            expected = (tag_indices(row.tags, classes), row.height, row.width)
            if (cams.class_ids.tolist(), cams.height, cams.width) != expected:
                raise InputError(
                    f"{own_h5}: image {row.id} has maps of the classes {cams.class_ids.tolist()} for a photo of "
                    f"{cams.height} x {cams.width}; its tags and photo are {expected[0]}, {row.height} x {row.width}"
                )
            writer.add_cams(cams)
