"""docs/reference.md, made from the commands: `python -m tests.support.reference` writes it.

Rule: nothing is said here that click doesn't know; words of one's own belong into the other pages.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from occystrap.commands.deprecated import TABLE
from occystrap.commands.global_options import GlobalOption
from occystrap.commands.variables import CommandOption
from occystrap.main import cli

__all__ = ["PAGE", "commands_below", "reference", "root_context"]

PAGE: Final = Path(__file__).resolve().parents[2] / "docs/reference.md"
_INTRODUCTION: Final = """# Reference of the commands

What `--help` says, of every command; `make reference` writes this page.
[command-line.md](command-line.md) explains, and has examples. [Global options](#global-options) may
stand behind every command.
"""


def root_context() -> click.Context:
    """Make the context in which commands are looked up."""
    return click.Context(cli, info_name="occystrap", **cli.context_settings)


def commands_below(ctx: click.Context) -> Iterator[click.Context]:
    """List the commands of a group and of the groups below it, each in a context of its own."""
    assert isinstance(ctx.command, click.Group)
    for name in ctx.command.list_commands(ctx):
        command = ctx.command.get_command(ctx, name)
        assert command is not None
        below = click.Context(command, ctx, info_name=name)
        if isinstance(command, click.Group):
            yield from commands_below(below)
        else:
            below.resilient_parsing = True  # the options of extensions, too
            yield below


def reference() -> str:
    """Write the page."""
    root = root_context()
    parts = [_INTRODUCTION]
    for ctx in commands_below(root):
        parts += _command(ctx)
    parts.append("## Global options\n")
    sections: dict[str, list[click.Option]] = {}
    for each in cli.params:
        if isinstance(each, GlobalOption):
            sections.setdefault(each.section, []).append(each)
    for title, options in sections.items():
        parts += [f"### {title}\n", _table(root, options)]
    parts.append("## Deprecated commands\n")
    rows = "".join(
        f"| `{name} {old.arguments}` | `{old.today}` |\n" for name, old in sorted(TABLE.items())
    )
    parts.append(f"| command | today |\n|---|---|\n{rows}")
    return "\n".join(parts)


def _command(ctx: click.Context) -> Iterator[str]:
    command = ctx.command
    yield f"## {ctx.command_path}\n"
    yield f"```text\n{ctx.command_path} {' '.join(command.collect_usage_pieces(ctx))}\n```\n"
    yield inspect.cleandoc(command.help or "").replace("*", "\\*") + "\n"
    options = [each for each in command.get_params(ctx) if isinstance(each, click.Option)]
    if own := [each for each in options if "--help" not in each.opts]:
        yield _table(ctx, own)
    if command.epilog:
        lines = [line for line in inspect.cleandoc(command.epilog).splitlines() if line != "\b"]
        yield "```text\n" + "\n".join(lines) + "\n```\n"


def _table(ctx: click.Context, options: Sequence[click.Option]) -> str:
    rows = "".join(_row(ctx, each) for each in options)
    return f"| option | variable | default | |\n|---|---|---|---|\n{rows}"


def _row(ctx: click.Context, option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    value = "" if option.is_flag else f" `{option.make_metavar(ctx)}`"
    variable = option.variable(ctx) if isinstance(option, CommandOption) else option.envvar
    cells = (
        names + value,
        f"`{variable}`" if variable else "",
        _default(option),
        option.help or "",
    )
    return f"| {' | '.join(map(_escaped, cells))} |\n"


def _default(option: click.Option) -> str:
    if option.is_flag:
        return "on" if option.default is True else ""
    return f"`{option.default}`" if option.show_default and option.default else ""


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
