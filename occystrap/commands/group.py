"""The command group: commands are imported when they are called, and explained when mistyped.

Rule: behind this door no error shows a traceback, and no usage error repeats what may hold a
password.
"""

from __future__ import annotations

import errno
import importlib
import os
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, final

import click

from occystrap.commands.additions import Addition, MissingNeed, added_commands
from occystrap.commands.anywhere import before_the_command, offering
from occystrap.commands.global_options import GlobalOption
from occystrap.errors import OccystrapError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Action", "CommandGroup", "LateCommand"]


@dataclass(frozen=True, slots=True)
class LateCommand:
    """A command that is imported when it is called: `module:attribute`, and its line of help.

    With an `item` the attribute is a mapping that has it. `section` is that of the help; commands
    of another one than "Commands" are listed only there.
    """

    place: str
    help: str
    item: str | None = None
    section: str = "Commands"

    def load(self) -> click.Command:
        """Import it."""
        module, _, name = self.place.partition(":")
        found = getattr(importlib.import_module(module), name)
        command: click.Command = found if self.item is None else found[self.item]
        return command


@final
class Action(click.Command):
    """A command that doesn't repeat what it can't use: it may be a URI with a password."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; too many are an error that only counts them."""
        ctx.allow_extra_args = True
        super().parse_args(ctx, args)
        if ctx.args and not ctx.resilient_parsing:
            expected = " and ".join(
                str(parameter.human_readable_name)
                for parameter in self.params
                if isinstance(parameter, click.Argument)
            )
            raise click.UsageError(
                f"{self.name} takes {expected}, and there is more; quote what has a space in it",
                ctx,
            )
        return ctx.args


@final
class CommandGroup(click.Group):
    """Commands known by name; an error of ours ends in one line and exit code 1.

    `late` are those of the tool; `find` looks for what packages add, when it is wanted.
    """

    def __init__(
        self,
        *args: Any,
        late: Mapping[str, LateCommand],
        find: Callable[[], Mapping[str, Addition]] = added_commands,
        **attributes: Any,
    ) -> None:
        super().__init__(*args, **attributes)
        self._late = late
        self._find = find

    def _global_options(self) -> list[GlobalOption]:
        return [each for each in self.params if isinstance(each, GlobalOption)]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options of all commands, wherever they stand."""
        if not ctx.resilient_parsing:  # a shell completes words where they are
            args = before_the_command(ctx, args, self._global_options())
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - of click
        """Return the names of all commands that one should know."""
        own = (name for name, late in self._late.items() if late.section == "Commands")
        return sorted({*own, *self._find()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; one of the tool goes before one that is added."""
        late = self._late.get(cmd_name) or self._find().get(cmd_name)
        try:
            command = None if late is None else late.load()
            if command is not None and ctx.resilient_parsing:
                return offering(command, self._global_options())
            return command
        except MissingNeed:
            if ctx.resilient_parsing:  # a shell asks for what can be typed; there is no one to tell
                return None
            raise

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; what is none is repeated only if it is nearly one."""
        if args[0] in self._late or args[0].startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        names = self.list_commands(ctx)
        if args[0] in names:
            return super().resolve_command(ctx, args)
        there_is = ", ".join(names)
        if "/" in args[0] or ":" in args[0]:
            message = f"the name of a command belongs before it; there is: {there_is}"
        elif near := get_close_matches(args[0], names, n=1):
            message = f"no such command {args[0]!r}; did you mean {near[0]!r}?"
        else:
            message = f"no such command; there is: {there_is}"
        raise click.UsageError(message, ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options section by section, then the commands, without importing any."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row is not None:
                title = parameter.section if isinstance(parameter, GlobalOption) else "Options"
                sections.setdefault(title, []).append(row)
        sections["Options"] = sections.pop("Options")
        added = {name: f"Added by {found.package}." for name, found in self._find().items()}
        sections["Commands"] = list(added.items())
        for name, late in self._late.items():
            rows = sections.setdefault(late.section, [])
            rows[:] = sorted([*(row for row in rows if row[0] != name), (name, late.help)])
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what it raises ends in one line."""
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            # Behind a command the options of all commands are known as well.
            names = [name for each in self._global_options() for name in each.opts]
            name = error.option_name
            near = sorted({*(error.possibilities or ()), *get_close_matches(name, names)})
            raise click.NoSuchOption(name, error.message, near, ctx=error.ctx) from error
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except OccystrapError as error:
            raise _one_line(str(error)) from error
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # whoever read the output has seen enough: click ends quietly
            where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
            raise _one_line(f"{where}{error.strerror or error}") from error
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            # Not its text, which may hold anything.
            raise _one_line(
                f"internal error: {type(error).__name__} in {_place(error)}"
                " (this is a fault of occystrap; --debug shows more)"
            ) from error


def _one_line(message: str) -> click.ClickException:
    return click.ClickException(" ".join(message.split()))


def _place(error: Exception) -> str:
    """Say where an error was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "an unknown place"
    return f"{trace.tb_frame.f_globals.get('__name__', '?')}, line {trace.tb_lineno}"
