"""All kinds of files."""

import os
from pathlib import Path

from tests.fuzz import containers, pictures, texts
from tests.fuzz.kind import Kind, Mutant, mutant_of
from tests.fuzz.structures import SPOILT

SENTENCES = texts.SENTENCES
_KINDS = (*pictures.KINDS, *texts.KINDS, *containers.KINDS)
KINDS: dict[str, Kind] = {kind.name: kind for kind in _KINDS}


def mutant(name: str, number: int, *, seed: int) -> Mutant:
    """Return mutant `number` of a kind; the current folder has the originals."""
    others = [Path("originals", kind.originals[0]) for kind in _KINDS if kind.name not in (name, "vgg16")]
    return mutant_of(KINDS[name], number, seed=seed, others=others)


def has_run_code() -> bool:
    """Return whether code that a mutant carries has run, and remove its trace."""
    spoilt = os.path.exists(SPOILT)
    if spoilt:
        os.unlink(SPOILT)
    return spoilt
