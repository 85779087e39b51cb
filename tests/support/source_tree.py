"""The imports of a source tree, read with `ast`.

Rule: nothing is imported to be looked at, so that an import inside a function or under
TYPE_CHECKING counts like any other.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PACKAGES", "Import", "imports_of_tree", "is_ours", "modules", "top_of"]

PACKAGES = ("occystrap", "pytest_occystrap")


@dataclass(frozen=True, slots=True)
class Import:
    """One import: both ends by their full module names; no target when it's known at run time."""

    importer: str
    target: str | None
    line: int

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.target or 'a computed name'}"


def imports_of_tree(root: Path) -> list[Import]:
    """Collect the imports of both packages."""
    files = dict(modules(root))
    return [found for name, path in files.items() for found in _imports_of(name, path, files)]


def top_of(module: str) -> str:
    """Return the package at the top of a dotted name."""
    return module.partition(".")[0]


def is_ours(module: str) -> bool:
    """Say whether a module is of this project."""
    return top_of(module) in PACKAGES


def modules(root: Path) -> Iterator[tuple[str, Path]]:
    """Name every module of both packages, with its file."""
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def _imports_of(module: str, path: Path, known: Mapping[str, Path]) -> Iterator[Import]:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            for alias in node.names:
                submodule = f"{base}.{alias.name}"
                yield Import(module, submodule if submodule in known else base, node.lineno)
        elif isinstance(node, ast.Call) and _name(node.func) in {"import_module", "__import__"}:
            yield Import(module, _literal(node), node.lineno)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parents = package.split(".")
    base = parents[: len(parents) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def _name(function: ast.expr) -> str | None:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None


def _literal(call: ast.Call) -> str | None:
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
