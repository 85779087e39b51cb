"""The examples of Markdown pages, and running them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from occystrap.main import cli

__all__ = ["Block", "Command", "blocks", "commands", "matches", "run"]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ASSIGNMENT = re.compile(r"[A-Z_]+=.*")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; `line` is that of its first line."""

    language: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    """List the fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(found[1], found[2], text.count("\n", 0, found.start()) + 2)
        for found in _FENCE.finditer(text)
    ]


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a `console` block, and the output that the block shows, if it does."""

    words: str
    output: str


def commands(block: Block) -> Iterator[Command]:
    """Take a block apart at its `$` lines."""
    before, *parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    assert before == "", f"line {block.line}: a console block begins with a command"
    for part in parts:
        words, _, output = part.replace("\\\n", " ").partition("\n")
        yield Command(words, output)


def run(command: Command, environ: dict[str, str]) -> tuple[int, str]:
    """Run an occystrap command line in this process; return its exit code and output.

    Variables before it and `<` behind it work as in a shell. What ends in `&` is only parsed.
    """
    words = shlex.split(command.words)
    environ = dict(environ)
    while _ASSIGNMENT.fullmatch(words[0]):
        name, _, value = words.pop(0).partition("=")
        environ[name] = value
    assert words.pop(0) == "occystrap", f"only occystrap can be run: {command.words}"
    typed = ""
    if "<" in words:
        *words, _, name = words
        typed = Path(name).read_text(encoding="utf-8")
    if words[-1] == "&":
        words[-1] = "--help"
    result = CliRunner().invoke(
        cli, words, prog_name="occystrap", obj={"ENVIRON": environ}, input=typed
    )
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def matches(expected: str, output: str) -> bool:
    """Compare what a page shows with what was printed; `...` stands for anything.

    A line of nothing but that stands for any number of lines.
    """
    pattern = ""
    for line in expected.splitlines():
        if line == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(map(re.escape, line.split("..."))) + r"\n"
    return re.fullmatch(pattern, output) is not None
