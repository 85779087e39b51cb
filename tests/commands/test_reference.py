"""docs/reference.md is what the commands say of themselves."""

from __future__ import annotations

import re

import click
import pytest

from tests.support.console import Console
from tests.support.reference import PAGE, commands_below, reference, root_context

COMMANDS = list(commands_below(root_context()))


def test_the_page_is_up_to_date() -> None:
    """It is what `make reference` writes."""
    assert PAGE.read_text(encoding="utf-8") == reference(), "make reference writes it anew"


@pytest.mark.parametrize("ctx", COMMANDS, ids=[ctx.command_path for ctx in COMMANDS])
def test_a_section_has_what_the_help_has(console: Console, ctx: click.Context) -> None:
    """Every option that --help lists, with its variable, and no other."""
    text = PAGE.read_text(encoding="utf-8")
    section = text.partition(f"\n## {ctx.command_path}\n")[2].partition("\n## ")[0]
    shown = console.succeed(*ctx.command_path.split()[1:], "--help").stdout
    listed = shown.partition("\nOptions:\n")[2].partition("\n\n")[0]
    in_help = set(re.findall(r"^  (?:-\w, )?(--[\w-]+)", listed, re.MULTILINE)) - {"--help"}
    rows = re.findall(r"^\| `(-.*?) \| `(OCCYSTRAP_\w+)` \|", section, re.MULTILINE)
    in_page = {re.findall(r"--[\w-]+", names)[0] for names, _ in rows}
    assert in_page == in_help
    assert {variable for _, variable in rows} == set(re.findall(r"OCCYSTRAP_\w+", _joined(listed)))


def _joined(text: str) -> str:
    return re.sub(r"\n +", " ", text)


def test_global_options_are_in_the_help(console: Console) -> None:
    """Every option of that section, with its variable."""
    section = PAGE.read_text(encoding="utf-8").partition("\n## Global options\n")[2]
    shown = console.succeed("--help").stdout
    words = re.findall(r"`(--[\w-]+|OCCYSTRAP_\w+)`", section.partition("\n## ")[0])
    assert len(words) > 45
    assert [word for word in words if word not in shown] == []
