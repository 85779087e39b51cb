"""docs/plugin.md: every example runs, and the reference names what there is, and no more."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest

from pytest_occystrap import FakeRegistry, RegistryOptions
from tests.support.examples import blocks, commands, matches

PAGE = Path(__file__).resolve().parents[2] / "docs/plugin.md"
FAILING = "test_failing.py"


def files() -> dict[str, str]:
    """Collect the files that the page shows, by the name in their first line."""
    found = {}
    for block in blocks(PAGE):
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
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """The project of the tutorial."""
    for name, text in files().items():
        (pytester.path / name).write_text(text)
    pytester.syspathinsert()
    return pytester


def test_every_test_of_the_page_passes(project: pytest.Pytester) -> None:
    """But for the one that shows what a failure looks like."""
    result = project.runpytest_inprocess("-p", "pytest_occystrap", f"--ignore={FAILING}")
    tests = sum(text.count("\ndef test_") for text in files().values())
    starting = sum(text.startswith("def test_") for text in files().values())
    result.assert_outcomes(passed=tests + starting - 1)


def test_what_the_page_says_that_pytest_prints(project: pytest.Pytester) -> None:
    """Three dots stand for what differs from run to run."""
    shown = 0
    for block in blocks(PAGE):
        for command in commands(block) if block.language == "console" else ():
            program, *arguments = shlex.split(command.words)
            assert program == "pytest"
            result = project.runpytest_inprocess("-p", "pytest_occystrap", *arguments)
            printed = f"{result.stdout.str()}\n"
            assert matches(command.output, printed), printed
            shown += 1
    assert shown == 2


def test_the_options_are_those_that_there_are() -> None:
    """Each has its row, in the order of the class."""
    assert named("Options of a registry") == {option.name for option in fields(RegistryOptions)}


def test_the_members_are_those_that_there_are() -> None:
    """Each public one has its place."""
    with FakeRegistry() as registry:
        assert named("FakeRegistry") == {name for name in dir(registry) if name[0] != "_"}


def test_the_settings_are_those_that_there_are(pytester: pytest.Pytester) -> None:
    """Each flag of the help, and each ini option."""
    shown = pytester.runpytest_inprocess("-p", "pytest_occystrap", "--help").stdout.str()
    assert named("Settings") == set(re.findall(r"(?<!\w)(--occystrap-\w+|occystrap_\w+)\b", shown))
