"""What a kind of file is: how its mutants are made, which stage reads them, and who judges what came out."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.mutations import BYTES, Mutator, empty, pick, spliced


@dataclass(frozen=True)
class Mutant:
    """One mutated file. `is_whole` says that a writer of the format made it, with right checksums."""

    data: bytes
    how: str
    original: Path
    is_whole: bool


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of file.

    Attributes:
        name: as in `--only`.
        suffix: of the files.
        originals: paths below the folder of originals.
        mutators: beside those of bytes; what they write is a whole file of the format.
        texts: mutators whose results are whole files if the format says so, as any text is a text.
        consume: gives what the stage makes of a mutant, in a new folder; raises what the stage raises.
        judge: gives what is wrong with that, or an empty text.
        names: a pattern of which a sentence about a mutant must hold a match: the file, or the key.
        left_out: tells mutants that are given to nobody, for a reason that stands beside it; none in most kinds.
        share: of the mutants, 1 for most.
    """

    name: str
    suffix: str
    originals: tuple[str, ...]
    mutators: tuple[Mutator, ...] = ()
    texts: tuple[Mutator, ...] = ()
    consume: Callable[[bytes, Path], Any]
    judge: Callable[[Mutant, Any], str]
    names: str
    left_out: Callable[[bytes], bool] = lambda data: False
    share: float = 1


def intact(kind: Kind, number: int) -> Mutant:
    """Return an original as it is."""
    original = Path("originals", kind.originals[number])
    return Mutant(original.read_bytes(), "intact", original, True)


def mutant_of(kind: Kind, number: int, *, seed: int, others: list[Path]) -> Mutant:
    """Return mutant `number` of a kind, which depends on `seed`, the number and the originals alone.

    Below 0 stand the originals themselves. `others` are files of other kinds.
    """
    if number < 0:
        return intact(kind, -number - 1)
    rng = np.random.default_rng([seed, zlib.crc32(kind.name.encode()), number])
    originals = [Path("originals", name) for name in kind.originals]
    original = pick(rng, originals)
    data = original.read_bytes()
    fate = rng.uniform()
    if fate < 0.02:
        other = pick(rng, others)
        return Mutant(other.read_bytes(), f"swapped for {other}", original, True)
    if fate < 0.025:
        return Mutant(empty(rng, data), "empty", original, False)
    if fate < 0.06:
        other = pick(rng, originals if rng.uniform() < 0.7 else others)
        return Mutant(spliced(rng, data, other.read_bytes()), f"spliced with {other}", original, False)
    if fate < 0.55 and kind.mutators:
        mutator = pick(rng, kind.mutators)
        return Mutant(mutator(rng, data), mutator.__name__, original, True)
    if fate < 0.85 and kind.texts:
        chosen = [pick(rng, kind.texts) for _ in range(int(rng.integers(1, 3)))]
    else:
        chosen = [pick(rng, BYTES) for _ in range(int(rng.uniform() < 0.15) + 1)]
    for mutator in chosen:
        data = mutator(rng, data)
    return Mutant(data, ", ".join(mutator.__name__ for mutator in chosen), original, False)
