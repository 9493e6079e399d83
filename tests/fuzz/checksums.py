"""Kinds of files whose bytes have checksums.

What is accepted of such a file whose bytes were changed at random must be what the intact file holds. A file that a
writer of the format made is read with the format's own library instead.
"""

import functools
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.fuzz.kind import Kind, Mutant
from tests.fuzz.mutations import Mutator


def same(a: Any, b: Any) -> bool:
    """Return whether two results are equal: nested dicts, lists and tuples of arrays, tensors and plain values."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, (np.ndarray, torch.Tensor)) or isinstance(b, (np.ndarray, torch.Tensor)):
        a, b = map(torch.as_tensor, (a, b))
        return a.dtype == b.dtype and torch.equal(a, b)
    return a == b


def with_checksums(
    name: str,
    names: str,
    original: str,
    mutators: Sequence[Mutator],
    consume: Callable[[bytes, Path], Any],
    read: Callable[[Mutant, Any], str],
    share: float = 1,
) -> Kind:
    """Return a kind of which `read` judges only what a writer of the format has made; the others are fields of it."""

    @functools.cache
    def intact() -> Any:
        folder = Path(tempfile.mkdtemp(dir=".", prefix="intact-"))
        try:
            return consume(Path("originals", original).read_bytes(), folder)
        finally:
            shutil.rmtree(folder)

    def judge(mutant: Mutant, found: Any) -> str:
        if same(found, intact()):
            return ""
        return read(mutant, found) if mutant.is_whole else "accepted, with other content than the intact file"

    return Kind(
        name=name,
        names=names,
        suffix=Path(original).suffix,
        originals=(original,),
        mutators=tuple(mutators),
        consume=consume,
        judge=judge,
        share=share,
    )
