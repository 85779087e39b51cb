"""docs/compatibility.md says what is there: commands, options, and tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import click
import pytest

from occystrap.main import cli

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/compatibility.md").read_text()
OPTIONS = re.findall(r"^\| `([^`|]+)` \| (\w+) \|.*\|$", PAGE, re.MULTILINE)
FAULTS = re.findall(r"^\| (W-\d+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
#: The commands of the public tool.
COMMANDS = {
    "process",
    "search",
    "info",
    "check",
    "proxy",
    "fetch-to-extracted",
    "fetch-to-oci",
    "fetch-to-tarfile",
    "fetch-to-mounts",
    "recreate-image",
    "tarfile-to-extracted",
    "docker-to-tarfile",
    "docker-to-extracted",
    "docker-to-oci",
    "search-layers",
    "search-layers-docker",
    "search-layers-tarfile",
}


def has(command: click.Command, ctx: click.Context, names: list[str]) -> bool:
    """Tell whether a command has options of these names."""
    known = {
        name for each in command.get_params(ctx) for name in (*each.opts, *each.secondary_opts)
    }
    return known.issuperset(names)


@pytest.mark.parametrize(("there", "state"), OPTIONS, ids=[there for there, _ in OPTIONS])
def test_a_command_or_option_is_what_the_page_says(there: str, state: str) -> None:
    """It is there under its name, unless it is said to be planned; what is there isn't."""
    words = there.replace(",", "").split()
    names = [word for word in words if word.startswith("-")]
    assert state in ("same", "more", "planned")
    with click.Context(cli, info_name="occystrap", **cli.context_settings) as ctx:
        command = cli if words[0] in names else cli.get_command(ctx, words[0])
        is_there = command is not None and has(command, ctx, names)
    assert is_there == (state != "planned"), f"the row of {there} in docs/compatibility.md is wrong"


def test_no_command_is_forgotten() -> None:
    """Each of the public tool has a row."""
    assert {there.split()[0] for there, _ in OPTIONS if there[0] != "-"} == COMMANDS
    assert len([there for there, _ in OPTIONS if there[0] == "-"]) == 18


@cache
def names_in(path: str) -> frozenset[str]:
    """List the tests of a file, without importing it."""
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_every_fault_has_a_row() -> None:
    """W-1 to W-38, in their order."""
    assert [name for name, *_ in FAULTS] == [f"W-{number}" for number in range(1, 39)]


@pytest.mark.parametrize(("name", "held"), [(name, held) for name, _, held in FAULTS])
def test_what_holds_a_fault_is_there(name: str, held: str) -> None:
    """Tests that exist."""
    tests = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", held)
    assert tests, name
    assert [test for path, test in tests if test not in names_in(path)] == []
