"""The number of shards of a stage's files on disk, so that changing the config key `shards` recomputes nothing."""

import functools
import glob
import os
import re
from collections import Counter

import numpy as np
import pandas as pd

from mdc.runtime.logs import logger


def shards_on_disk(pattern: str) -> dict[int, int]:
    """Return how many shards of every set there are: number of shards -> those that exist.

    `{shard}` and `{shards}` in `pattern` are the index of a shard, from 0, and the number of shards.
    """
    anywhere = glob.escape(pattern).replace("{shard}", "*").replace("{shards}", "*")
    name = re.compile(re.escape(pattern).replace(r"\{shard\}", r"(\d+)").replace(r"\{shards\}", r"(\d+)"))
    found = (name.fullmatch(path) for path in glob.iglob(anywhere))
    return dict(Counter(int(match[2]) for match in found if match and int(match[1]) < int(match[2])))


def number_of_shards(pattern: str, wanted: int, *, source: str = "") -> int:
    """Return in how many shards the files of `pattern` are to be made or read.

    That of the files `source` which these are made of, shard by shard, where there are some; else `wanted` where such a
    set is finished; else the newest finished set; else a set that was begun, `wanted` before one with more shards; else
    `wanted`. That a set which was begun goes before `wanted` is logged, once for a set.
    """
    if source and shards_on_disk(source):
        return number_of_shards(source, wanted)
    found = shards_on_disk(pattern)
    finished = [count for count in found if found[count] == count]
    if wanted in finished or (wanted in found and not finished):
        return wanted
    if finished:
        return max(finished, key=lambda count: os.path.getmtime(pattern.format(shard=0, shards=count)))
    if found:
        begun = max(found, key=lambda count: (found[count], count))
        files = os.path.splitext(pattern)[0].format(shard="*", shards=begun) + ".*"
        _warn_once(
            f"{files}: {found[begun]} of {begun} shards are finished, so {begun} are made, not {wanted} as the key "
            "shards says: remove these files to use the key"
        )
        return begun
    return wanted


@functools.cache
def _warn_once(message: str) -> None:
    logger.warning(message)


def shard_of(table: pd.DataFrame, shard: int, shards: int) -> pd.DataFrame:
    """Return the rows of shard `shard` (from 0) of `shards` nearly equal parts of consecutive rows."""
    bounds = np.linspace(0, len(table), shards + 1).round().astype(int)
    return table.iloc[bounds[shard] : bounds[shard + 1]]
