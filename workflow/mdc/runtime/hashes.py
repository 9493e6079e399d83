"""Hashes of files."""

import hashlib
from pathlib import Path

import pooch


def file_digest(path: Path) -> str:
    """Return the first 16 hex digits of the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def has_hash(path: Path, expected: str) -> bool:
    """Return whether a file has the hash `expected`, "md5:" or "sha256:" and hex digits, the first 8 or more."""
    algorithm, digits = expected.split(":")
    return pooch.file_hash(str(path), alg=algorithm).startswith(digits)
