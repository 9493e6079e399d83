"""Dividing images into train and val where the user has not."""

import hashlib
from collections.abc import Iterable, Mapping


def split_by_hash(
    ids: Iterable[str], *, val_share: float, seed: int, copies: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the split, "train" or "val", of each id; about `val_share` (0 to 1) of them are "val".

    An id's split depends on the id and the seed only, so adding images moves none of the others. The one exception:
    of two images or more, each split gets at least one. A copy of another photo, `copies` from its id to that one's,
    is where that one is.
    """
    copies = copies or {}
    position = {id: _position(id, seed=seed) for id in ids if id not in copies}
    split = {id: "val" if place < val_share else "train" for id, place in position.items()}
    if len(split) > 1 and "val" not in split.values():
        split[min(position, key=position.__getitem__)] = "val"
    if len(split) > 1 and "train" not in split.values():
        split[max(position, key=position.__getitem__)] = "train"
    return split | {id: split[first] for id, first in copies.items()}


def _position(id: str, *, seed: int) -> float:
    digest = hashlib.sha256(f"{seed}:{id}".encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
