"""Another method's maps instead of the classifier's."""

from collections.abc import Sequence
from pathlib import Path

from mdc.cams.files import cams_info, create_cams, read_cams
from mdc.data.manifest import read_manifest, tag_indices
from mdc.runtime.errors import InputError
from mdc.storage.shards import shard_of


def link_cams(
    *,
    external_h5: Path,
    split_csv: Path,
    cams_h5: Path,
    classes: Sequence[str],
    dilations: Sequence[int],
    shard: int,
    shards: int,
) -> None:
    """Use another method's maps instead of `dump_cams`: check a shard's images and copy them.

    Raises:
        InputError: the file is not in the layout of `mdc.cams.files`, its classes or dilations are not the configured
            ones, or an image is missing, of another size or has maps of other classes than its tags.
    """
    info = cams_info(external_h5)
    for name, found, expected in (("classes", info.classes, classes), ("dilations", info.dilations, dilations)):
        if found != list(expected):
            raise InputError(f"{external_h5}: attribute {name} is {found}, the config says {list(expected)}")
    table = shard_of(read_manifest(split_csv), shard, shards)
    with create_cams(cams_h5, info, config={"external_maps": str(external_h5)}) as writer:
        for row, cams in zip(table.itertuples(), read_cams(external_h5, list(table["id"])), strict=True):
            tagged, tags = cams.class_ids.tolist(), tag_indices(row.tags, classes)
            if tagged != tags:
                raise InputError(f"{external_h5}: image {row.id} has maps of the classes {tagged}, its tags are {tags}")
            if (cams.height, cams.width) != (row.height, row.width):
                # not reduced as saliency is: their grid belongs to the size of the photo that they were made of
                advice = f"make maps of {row.image}, which has {row.width} x {row.height}"
                if (cams.height, cams.width) == (row.own_height, row.own_width):
                    advice += f", or set data.max_side_px to {max(cams.height, cams.width)} or more"
                found = f"maps of a photo of {cams.width} x {cams.height} pixels"
                raise InputError(f"{external_h5}: image {row.id} has {found}: {advice}")
            writer.add(cams.item())
