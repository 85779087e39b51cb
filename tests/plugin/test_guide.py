"""The guides: every example runs, and the reference names what there is, and no more."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import pytest

from pytest_occystrap import FakeRegistry, RegistryOptions
from tests.support.examples import blocks, commands, matches

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "plugin.md"
#: page -> its files that show what a failure looks like; each holds one test.
GUIDES: Mapping[str, tuple[str, ...]] = {
    "plugin.md": ("test_failing.py",),
    "faults.md": ("test_unused.py",),
    "retry-recipe.md": ("test_before.py",),
    "sweep.md": (),
}


@pytest.fixture(params=GUIDES)
def page(request: pytest.FixtureRequest) -> Path:
    """Each guide."""
    return DOCS / str(request.param)


def files(page: Path) -> dict[str, str]:
    """Collect the files that a page shows, by the name in their first line."""
    found = {}
    for block in blocks(page):
        if block.language == "python":
            first, _, rest = block.text.partition("\n")
            assert first.startswith("# "), f"line {block.line} names no file"
            found[first.removeprefix("# ")] = rest
    return found


def section(title: str) -> str:
    """Take a part of the reference."""
    return PAGE.read_text().split(f"### {title}\n")[1].split("\n### ")[0]


def named(title: str) -> set[str]:
    """Collect what the first column of a table names."""
    rows = re.findall(r"^\| (`.*?) \|", section(title), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([\w-]+)`", row)}


@pytest.fixture
def project(pytester: pytest.Pytester, page: Path) -> pytest.Pytester:
    """The project of a guide."""
    for name, text in files(page).items():
        (pytester.path / name).write_text(text)
    pytester.syspathinsert()
    return pytester


def test_every_test_of_a_page_passes(project: pytest.Pytester, page: Path) -> None:
    """But for those that show what a failure looks like."""
    ignored = [f"--ignore={name}" for name in GUIDES[page.name]]
    result = project.runpytest_inprocess("-p", "pytest_occystrap", *ignored)
    texts = [text for name, text in files(page).items() if name not in GUIDES[page.name]]
    tests = sum(len(re.findall(r"^def test_", text, re.MULTILINE)) for text in texts)
    outcomes = result.parseoutcomes()
    assert outcomes.keys() <= {"passed", "warnings"}
    assert outcomes["passed"] >= tests > 0


def test_what_a_page_says_that_pytest_prints(project: pytest.Pytester, page: Path) -> None:
    """Three dots stand for what differs from run to run."""
    shown = set[str]()
    for block in blocks(page):
        for command in commands(block) if block.language == "console" else ():
            program, *arguments = shlex.split(command.words)
            assert program == "pytest"
            result = project.runpytest_inprocess("-p", "pytest_occystrap", *arguments)
            printed = f"{result.stdout.str()}\n"
            assert matches(command.output, printed), printed
            shown |= set(arguments)
    assert shown >= set(GUIDES[page.name])


def test_the_options_are_those_that_there_are() -> None:
    """Each has its row, in the order of the class."""
    assert named("Options of a registry") == {option.name for option in fields(RegistryOptions)}


def test_the_members_are_those_that_there_are() -> None:
    """Each public one has its place."""
    with FakeRegistry() as registry:
        assert named("FakeRegistry") == {name for name in dir(registry) if name[0] != "_"}


def test_the_fixtures_are_those_that_there_are(pytester: pytest.Pytester) -> None:
    """Each that pytest lists as the plugin's."""
    listed = pytester.runpytest_inprocess("-p", "pytest_occystrap", "--fixtures").stdout.str()
    ours = re.findall(r"^(\w+) -- .*pytest_occystrap/plugin\.py", listed, re.MULTILINE)
    rows = re.findall(r"^\| `(\w+)` \|", section("Fixtures"), re.MULTILINE)
    assert set(rows) == set(ours)


def test_the_settings_are_those_that_there_are(pytester: pytest.Pytester) -> None:
    """Each flag of the help, and each ini option."""
    shown = pytester.runpytest_inprocess("-p", "pytest_occystrap", "--help").stdout.str()
    assert named("Settings") == set(re.findall(r"(?<!\w)(--occystrap-\w+|occystrap_\w+)\b", shown))
