"""Fingerprints of the code that a rule runs, so that Snakemake reruns it when its code changes and only then.

Comments, docstrings and formatting do not count. Only the standard library is used: every start of the workflow
computes these.
"""

import ast
import functools
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


@functools.cache
def _tree(path: Path) -> ast.Module:
    tree = ast.parse(path.read_text(), filename=str(path))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                if isinstance(first.value.value, str):
                    node.body = node.body[1:]
    return tree


def _imported_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files(name: str, package: Path) -> list[Path]:
    """Return the files that importing the dotted `name` runs, inside the package; none for anything else."""
    parts = name.split(".")
    if parts[0] != package.name:
        return []
    files = []
    for depth in range(1, len(parts) + 1):
        stem = package.parent.joinpath(*parts[:depth])
        files += [path for path in (stem / "__init__.py", stem.with_suffix(".py")) if path.is_file()]
    return files


@functools.cache
def _directly_imported(path: Path, package: Path) -> frozenset[Path]:
    return frozenset(file for name in _imported_names(_tree(path)) for file in _files(name, package))


def reached_files(
    script: Path, *, package: Path = PACKAGE, by_name: Mapping[str, Sequence[str]] | None = None
) -> list[Path]:
    """Return the script and every module of the package that it imports, directly or not, sorted.

    `by_name` tells, for modules that import others by a name computed at run time, which these are.
    """
    computed: dict[Path, list[Path]] = {}
    for importer, names in (by_name or {}).items():
        computed[_files(importer, package)[-1]] = [file for name in names for file in _files(name, package)]
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += [*_directly_imported(path, package), *computed.get(path, ())]
    return sorted(found)


def code_fingerprint(
    script: Path, *, package: Path = PACKAGE, by_name: Mapping[str, Sequence[str]] | None = None
) -> str:
    """Return 16 hex digits that change when the code of `reached_files` does, and not with comments or formatting."""
    digest = hashlib.sha256()
    for path in reached_files(script, package=package, by_name=by_name):
        digest.update(path.name.encode())
        digest.update(ast.dump(_tree(path)).encode())
    return digest.hexdigest()[:16]
