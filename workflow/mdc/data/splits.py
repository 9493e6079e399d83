"""Dividing images into train and val where the user has not."""

import hashlib
from collections.abc import Iterable


def split_by_hash(ids: Iterable[str], *, val_share: float, seed: int) -> dict[str, str]:
    """Return the split, "train" or "val", of each id; about `val_share` (0 to 1) of them are "val".

    An id's split depends on the id and the seed only, so adding images moves none of the others. The one exception:
    of two images or more, each split gets at least one.
    """
    position = {id: _position(id, seed=seed) for id in ids}
    split = {id: "val" if place < val_share else "train" for id, place in position.items()}
    if len(split) > 1 and "val" not in split.values():
        split[min(position, key=position.__getitem__)] = "val"
    if len(split) > 1 and "train" not in split.values():
        split[max(position, key=position.__getitem__)] = "train"
    return split


def _position(id: str, *, seed: int) -> float:
    digest = hashlib.sha256(f"{seed}:{id}".encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
