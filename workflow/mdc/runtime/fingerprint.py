"""Fingerprints of the code that a rule runs, so that Snakemake reruns it when what it computes changes, and only then.

Of a rule's script and all modules that it imports, directly or not, these do not count:

- comments, docstrings, formatting, and what only type checkers import;
- the packages `NOT_COMPUTING`: logs, locks, files and processes change no result, and what the configuration says
  reaches a script as params;
- words: texts in `raise` and logging calls, in what is said of a `problem`, and in descriptions of keys.

Only the standard library is used: every start of the workflow computes these.
"""

import ast
import functools
import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
NOT_COMPUTING = ("runtime", "config")
_SAID = re.compile(r"problems?|advice")  # names of variables, and ends of names of functions, that hold sentences
_WORDS = ast.Constant("words")


def code_fingerprint(script: Path, *, package: Path = PACKAGE, besides: Sequence[str] = ()) -> str:
    """Return 16 hex digits that change when the code that counts does.

    Args:
        script: of the rule.
        package: the library.
        besides: dotted names of modules that the script imports by names computed at run time.
    """
    digest = hashlib.sha256()
    for path in reached_files(script, package=package, besides=besides):
        digest.update(path.name.encode())
        digest.update(_dumped(path))
    return digest.hexdigest()[:16]


def reached_files(script: Path, *, package: Path = PACKAGE, besides: Sequence[str] = ()) -> list[Path]:
    """Return the script and every module that counts and that it imports, directly or not, sorted."""
    found: set[Path] = set()
    waiting = [script, *(file for name in besides for file in _files(name, package))]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _directly_imported(path, package)
    return sorted(found)


@functools.cache
def _directly_imported(path: Path, package: Path) -> frozenset[Path]:
    return frozenset(file for name in _imported_names(_code(path)) for file in _files(name, package))


def _imported_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files(name: str, package: Path) -> list[Path]:
    """Return the files that importing the dotted `name` runs, inside the package; none for what does not count."""
    parts = name.split(".")
    if parts[0] != package.name or parts[1:2] and parts[1] in NOT_COMPUTING:
        return []
    files = []
    for depth in range(1, len(parts) + 1):
        stem = package.parent.joinpath(*parts[:depth])
        files += [path for path in (stem / "__init__.py", stem.with_suffix(".py")) if path.is_file()]
    return files


@functools.cache
def _dumped(path: Path) -> bytes:
    return ast.dump(_code(path)).encode()


@functools.cache
def _code(path: Path) -> ast.Module:
    """Return what counts of a file."""
    return _WithoutWords().visit(ast.parse(path.read_text(encoding="utf-8"), filename=str(path)))


class _WithoutWords(ast.NodeTransformer):
    """Removes docstrings and imports for type checkers, and makes every text the same that people read."""

    def __init__(self) -> None:
        self.is_said = 0  # depth of what people read

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return None
        return self._visit(node, is_said=_is_logging(node.value) or _is_about_problems(node.value))

    def visit_If(self, node: ast.If) -> ast.AST | None:
        return None if ast.unparse(node.test).endswith("TYPE_CHECKING") else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return self._visit(node, is_said=True)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._visit(node, is_said=_holds_sentences(node.name))

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        return self._visit(node, is_said=any(_holds_sentences(_name(target)) for target in node.targets))

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        return self._visit(node, is_said=_holds_sentences(_name(node.target)))

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        return self._visit(node, is_said=node.arg == "description")

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        is_text = isinstance(node.value, str) and node.value  # whether there is one at all decides something
        return _WORDS if self.is_said and is_text else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return _WORDS if self.is_said else self.generic_visit(node)

    def _visit(self, node: ast.AST, *, is_said: bool) -> ast.AST:
        self.is_said += is_said
        visited = self.generic_visit(node)
        self.is_said -= is_said
        if isinstance(visited, (ast.FunctionDef, ast.ClassDef)) and not visited.body:
            visited.body = [ast.Pass()]
        return visited


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _holds_sentences(name: str) -> bool:
    return bool(name) and _SAID.fullmatch(name.rsplit("_", 1)[-1]) is not None


def _is_logging(node: ast.AST) -> bool:
    function = node.func if isinstance(node, ast.Call) else None
    return isinstance(function, ast.Attribute) and _name(function.value) == "logger"


def _is_about_problems(node: ast.AST) -> bool:
    function = node.func if isinstance(node, ast.Call) else None
    return isinstance(function, ast.Attribute) and _holds_sentences(_name(function.value))
