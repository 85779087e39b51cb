"""The rules of the house, as functions that list what breaks them.

test_house.py runs them on this project, test_house_checks.py on small made-up trees to see them
fail.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tests.support.source_tree import PACKAGES, Import, is_ours, modules, top_of

__all__ = [
    "MAX_FILE_LINES",
    "MAX_FUNCTION_LINES",
    "environment_reads",
    "forbidden_arrows",
    "forbidden_modules",
    "import_circles",
    "missing_init_files",
    "oversized",
    "unseen_imports",
]

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 60

# A room is a folder or a file at the top of occystrap; "" is occystrap/__init__.py. Each stands on
# the rooms named here and, through them, on all that those stand on.
STANDS_ON: Mapping[str, tuple[str, ...]] = {
    "": (),
    "errors": (),
    "oci": ("errors",),
    "http1": (),
    "client": ("http1", "oci", ""),
    "server": ("http1", "oci", ""),
    "image": ("oci", ""),
    "uri": ("oci",),
    "options": ("uri",),
    "constants": ("image",),
    "daemon": ("image",),
    "util": ("client",),
    "quay": ("util", "uri"),
    "inputs": ("constants", "daemon", "options", "quay"),
    "outputs": ("constants", "daemon", "options", "quay"),
    "filters": ("inputs", "outputs"),
    "examine": ("filters", "util"),
    "side": ("client", "options"),
    "disk": ("inputs", "outputs", "side"),
    "daemons": ("inputs", "outputs"),
    "pipeline": ("daemons", "disk", "filters", "side"),
    "report": ("image", "util"),
    "indexes": ("pipeline",),
    "move": ("indexes", "report"),
    "proxy": ("pipeline", "server"),
    "bulk": ("move",),
    "commands": ("bulk", "examine", "proxy"),
    "main": ("commands",),
    "__main__": ("main",),
    "demo": ("main",),
    "pytest_occystrap": ("client", "server", "image"),
}

# Single files that may use one room more than the room they are in.
ALSO_STANDS_ON: Mapping[str, tuple[str, ...]] = {
    "occystrap.server.forward": ("client",),
    "occystrap.inputs.dockerpush": ("server",),
    "pytest_occystrap.cassette_commands.check": ("options",),
    "pytest_occystrap.cassette_commands.group": ("commands",),
    "pytest_occystrap.cassette_commands.record": ("commands",),
    "pytest_occystrap.cassette_commands.record_options": ("commands",),
    "pytest_occystrap.cassette_commands.scrub": ("commands",),
    "pytest_occystrap.cassette_commands.verify": ("commands",),
    "pytest_occystrap.command": ("main",),
    "pytest_occystrap.serve_cassette": ("commands",),
    "pytest_occystrap.serve_dialect": ("commands",),
    "pytest_occystrap.serve_faults": ("commands",),
}

# Test packages have no place in the tool that people install.
_NOT_IN_THE_TOOL = frozenset({"_pytest", "hypothesis", "pytest", "respx", "vcr"})
# The language is pure: text and bytes in, values out.
_NOT_IN_OCI = frozenset(
    {"asyncio", "io", "os", "pathlib", "random", "secrets", "socket", "ssl", "subprocess"}
    | {"tempfile", "threading", "time", "urllib.request", "http.client"}
)
# Only these may import a module whose name is known at run time only: commands, loaded when called.
_IMPORTS_BY_NAME = ("occystrap.main", "occystrap.commands", "pytest_occystrap")
# Settings come from the environment at the door; below it they are arguments.
_ENVIRONMENT = frozenset({"environ", "environb", "getenv"})
_READS_ENVIRONMENT = ("occystrap.main", "occystrap.commands", "pytest_occystrap")


def forbidden_arrows(imports: Iterable[Import]) -> list[str]:
    """List the imports between rooms that no arrow allows, and modules outside every room."""
    problems = []
    for found in imports:
        if found.target is None or not is_ours(found.target):
            continue
        room, target = _room(found.importer), _room(found.target)
        if unknown := {room, target} - STANDS_ON.keys():
            problems.append(f"{found}, and no arrow is drawn for {sorted(unknown)} in house.py")
        elif target != room and target not in _allowed(found.importer):
            problems.append(f"{found}, but {room or 'occystrap'} may not stand on {target}")
    return problems


def import_circles(imports: Iterable[Import]) -> list[str]:
    """Show a circle of modules that import each other, if there is one."""
    graph: dict[str, set[str]] = {}
    for found in imports:
        if found.target is not None and is_ours(found.target):
            graph.setdefault(found.importer, set()).add(found.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [" <- ".join(error.args[1])]
    return []


def forbidden_modules(imports: Iterable[Import]) -> list[str]:
    """List the imports of other people's modules where they have no place."""
    problems = []
    for found in imports:
        target = found.target
        if target is None or target == "__future__" or is_ours(target):
            continue
        if found.importer == "occystrap.errors":
            problems.append(f"{found}, but errors imports nothing")
        elif _room(found.importer) == "oci" and not _is_pure(target):
            problems.append(f"{found}, but oci does no I/O and needs only the standard library")
        elif top_of(found.importer) == "occystrap" and top_of(target) in _NOT_IN_THE_TOOL:
            problems.append(f"{found}, but the tool is installed without it")
    return problems


def unseen_imports(imports: Iterable[Import]) -> list[str]:
    """List the imports by a computed name, which no arrow can be checked for."""
    return [
        str(found)
        for found in imports
        if found.target is None and not _is_within(found.importer, _IMPORTS_BY_NAME)
    ]


def environment_reads(root: Path) -> list[str]:
    """List the places below the command line that read environment variables."""
    return [
        f"{module}:{getattr(node, 'lineno', 0)} reads the environment"
        for module, path in modules(root)
        if not _is_within(module, _READS_ENVIRONMENT)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if _ENVIRONMENT & _taken_from_os(node)
    ]


def oversized(root: Path, folders: Iterable[str]) -> list[str]:
    """List the files and functions that are longer than a reader can hold."""
    problems = []
    for path in sorted(path for folder in folders for path in (root / folder).rglob("*.py")):
        text, place = path.read_text(encoding="utf-8"), path.relative_to(root)
        if (lines := len(text.splitlines())) > MAX_FILE_LINES:
            problems.append(f"{place} has {lines} lines, more than {MAX_FILE_LINES}")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    where = f"{place}:{node.lineno} {node.name}"
                    problems.append(f"{where} has {lines} lines, more than {MAX_FUNCTION_LINES}")
    return problems


def missing_init_files(root: Path) -> list[str]:
    """List the folders of modules that Python doesn't take for packages."""
    folders = {path.parent for package in PACKAGES for path in (root / package).rglob("*.py")}
    return sorted(
        f"{folder.relative_to(root)} has no __init__.py"
        for folder in folders
        if not (folder / "__init__.py").is_file()
    )


def _taken_from_os(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return {node.attr} if node.value.id == "os" else set()
    if isinstance(node, ast.ImportFrom) and node.module == "os":
        return {alias.name for alias in node.names}
    return set()


def _is_pure(module: str) -> bool:
    # _typeshed is the standard library's own module of types, seen by type checkers only.
    standard = top_of(module) in sys.stdlib_module_names or module == "_typeshed"
    return standard and not _is_within(module, _NOT_IN_OCI)


def _is_within(module: str, tops: Iterable[str]) -> bool:
    return any(module == top or module.startswith(f"{top}.") for top in tops)


def _room(module: str) -> str:
    top, _, rest = module.partition(".")
    return top_of(rest) if top == "occystrap" else top


def _allowed(module: str) -> set[str]:
    """Follow the arrows down from a module's room to the ground."""
    rooms = {*STANDS_ON[_room(module)], *ALSO_STANDS_ON.get(module, ())}
    frontier = set(rooms)
    while frontier:
        frontier = {below for room in frontier for below in STANDS_ON[room]} - rooms
        rooms |= frontier
    return rooms
