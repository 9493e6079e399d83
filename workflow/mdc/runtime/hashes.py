"""Hashes of files."""

import hashlib
from pathlib import Path


def file_digest(path: Path) -> str:
    """Return the first 16 hex digits of the SHA-256 of a file."""
    return file_hash(path, "sha256")[:16]


def file_hash(path: Path, algorithm: str) -> str:
    """Return the hash of a file as hex digits; `algorithm` is a name of `hashlib`."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def has_hash(path: Path, expected: str) -> bool:
    """Return whether a file has the hash `expected`, "md5:" or "sha256:" and hex digits, the first 8 or more."""
    algorithm, digits = expected.split(":")
    return file_hash(path, algorithm).startswith(digits)
