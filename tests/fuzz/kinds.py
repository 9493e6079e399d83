"""All kinds of files."""

import os
from pathlib import Path

from tests.fuzz import archives, maps_and_scores, pictures, texts, weights
from tests.fuzz.formats.torch_files import SPOILT
from tests.fuzz.kind import Kind, Mutant, mutant_of

SENTENCES, SNAKEMAKES_OWN = texts.SENTENCES, texts.SNAKEMAKES_OWN
_KINDS = (*pictures.KINDS, *texts.KINDS, *maps_and_scores.KINDS, *weights.KINDS, *archives.KINDS)
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
