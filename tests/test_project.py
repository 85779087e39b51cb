"""The project's own papers say what is there: links, make targets, dependencies, rooms, version."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import occystrap
from tests.support.house import STANDS_ON
from tests.support.source_tree import PACKAGES, imports_of_tree, top_of

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    page
    for page in ROOT.rglob("*.md")
    if not any(part.startswith(".") for part in page.relative_to(ROOT).parts)
)
ROOM_ROW = re.compile(r"^\| `(\w+)` \|([^|]*)\| (.+) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """The `[project]` table of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


@pytest.fixture(scope="module")
def room_rows() -> dict[str, tuple[set[str], str]]:
    """The table of docs/architecture.md: what each room stands on, and what it's for."""
    text = (ROOT / "docs/architecture.md").read_text()
    return {
        room: (set(re.findall(r"`(\w+)`", below)), purpose)
        for room, below, purpose in ROOM_ROW.findall(text)
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link of a page names a file of this repository."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_name_make_targets_that_exist(page: Path) -> None:
    """Whoever types what a page says finds a target of that name."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE))
    assert named - targets == set()


def test_every_dependency_has_its_reason(project: dict[str, Any]) -> None:
    """docs/dependencies.md has a row for each package of pyproject.toml, and for no other."""
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(name for extra in extras for name in extra)]
    names = {re.split(r"[\[<>=]", requirement)[0] for requirement in wanted}
    tables = (ROOT / "docs/dependencies.md").read_text().split("### What they cost")
    tables[1] = tables[1].partition("\n## ")[2]
    assert set(re.findall(r"^\| `([\w-]+)` \|", "\n".join(tables), re.MULTILINE)) == names


def test_the_tool_needs_no_test_package(project: dict[str, Any]) -> None:
    """What only the plugin uses is in the extra."""
    plugin = {name.partition(">")[0] for name in project["optional-dependencies"]["pytest"]}
    assert {"pytest", "vcrpy", "respx"} <= plugin
    assert not [name for name in project["dependencies"] if name.partition(">")[0] in plugin]


def test_every_import_is_declared(project: dict[str, Any]) -> None:
    """W-36: what a package imports is Python's, ours, or a dependency of that package."""
    extras = project["optional-dependencies"]
    wanted = {"occystrap": project["dependencies"]}
    wanted["pytest_occystrap"] = [*project["dependencies"], *extras["pytest"]]
    modules = {"pyyaml": "yaml", "vcrpy": "vcr"}
    for package, requirements in wanted.items():
        names = {re.split(r"[\[<>=; ]", requirement)[0].lower() for requirement in requirements}
        known = {modules.get(name, name).replace("-", "_") for name in names}
        # _typeshed is of type checkers; trustme is asked for by --tls, which says how to get it.
        known |= sys.stdlib_module_names | set(PACKAGES) | {"_typeshed", "trustme"}
        undeclared = [
            str(found)
            for found in imports_of_tree(ROOT)
            if top_of(found.importer) == package
            and found.target is not None
            and top_of(found.target) not in known
        ]
        assert undeclared == []


def test_the_drawing_is_the_house(room_rows: dict[str, tuple[set[str], str]]) -> None:
    """The arrows in docs/architecture.md are those that the tests enforce."""
    drawn = {room: below for room, (below, _) in room_rows.items()}
    enforced = {room: set(below) - {""} for room, below in STANDS_ON.items() if room}
    assert drawn == enforced


def test_a_room_that_is_there_is_not_called_planned(
    room_rows: dict[str, tuple[set[str], str]],
) -> None:
    """Whoever builds a planned room takes the word out of the drawing."""
    there = {path.stem for path in (ROOT / "occystrap").iterdir()}
    assert {
        room for room, (_, purpose) in room_rows.items() if "(planned)" in purpose
    } & there == set()


def test_the_changelog_tells_of_this_version() -> None:
    """The version that `occystrap --version` prints has a section."""
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(rf"^## {re.escape(occystrap.__version__)}\b", changelog, re.MULTILINE)


def test_make_alone_prints_what_it_can_do() -> None:
    """`make` shows the targets and does nothing."""
    shown = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607 make is on every path
    assert "make demo" in shown.stdout
    assert "make test" in shown.stdout
