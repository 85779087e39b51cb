"""What docs/cassettes.md says of secrets: its example runs, and its table is that of the code."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from occystrap.main import cli
from pytest_occystrap.cassettes.gate import RULES
from tests.support.examples import Block, blocks, commands

PAGE = Path(__file__).resolve().parents[3] / "docs" / "cassettes.md"


def shown(language: str) -> list[Block]:
    """List the examples of this part of the page."""
    text = PAGE.read_text()
    before, part = text.split("\n## What can't get in\n")
    first = before.count("\n")
    lines = range(first, first + part.split("\n## ")[0].count("\n"))
    return [each for each in blocks(PAGE) if each.language == language and each.line in lines]


def test_the_example_prints_what_the_page_says() -> None:
    """Line by line."""
    (example,), (expected, *_) = shown("python"), shown("text")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(example.text, PAGE.name, "exec"), {"__name__": "example"})  # noqa: S102 - ours
    assert printed.getvalue() == expected.text


def test_the_command_prints_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a project that has no cassettes yet."""
    monkeypatch.chdir(tmp_path)
    (block,) = shown("console")
    (command,) = commands(block)
    program, *words = command.words.split()
    assert program == "occystrap"
    assert CliRunner().invoke(cli, words).output == command.output


def test_the_page_has_every_rule() -> None:
    """And says of each what it is for."""
    rows = dict(re.findall(r"^\| `([\w -]+)` \| (.+) \|$", PAGE.read_text(), re.MULTILINE))
    assert {name: rows.get(name) for name in RULES} == dict(RULES)
