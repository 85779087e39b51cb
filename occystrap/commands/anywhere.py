"""Global options that stand behind the command.

Rule: they count as if they stood before it, after those that do; of an option that is given twice
the last one counts. An option that the command has itself is the command's.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import click

from occystrap.errors import OccystrapError

__all__ = ["before_the_command", "offering"]


def before_the_command(
    ctx: click.Context, args: Sequence[str], options: Sequence[click.Option]
) -> list[str]:
    """Move what is among these options, with their values, before the command.

    A command is imported only if there is something to move. What follows `--`, or belongs to
    another program's command line, stays.

    Raises:
        click.BadOptionUsage: an option at the end lacks its value.
    """
    movable = _by_name(options)
    if not any(_name(word) in movable for word in args):
        return list(args)
    walk = _Walk(ctx, list(args), movable)
    walk.to_command()
    here = len(walk.kept)
    try:
        walk.through_command()
    except OccystrapError:
        return list(args)  # the command can't be imported, as will be said when it is called
    kept = walk.kept + walk.left
    return [*kept[:here], *walk.moved, *kept[here:]]


@dataclass(slots=True)
class _Walk:
    """The words of a command line, from left to right."""

    ctx: click.Context
    left: list[str]
    movable: Mapping[str, click.Option]
    kept: list[str] = field(default_factory=list[str])
    moved: list[str] = field(default_factory=list[str])

    def to_command(self) -> None:
        """Pass the options before the command."""
        own = _options(self.ctx)
        while self.left and _is_option(self.left[0]):
            self.kept += self._take(own.get(_name(self.left[0])))

    def through_command(self) -> None:
        """Pass the command and all behind it."""
        # What stands before a command isn't to be moved, but is known there.
        ctx, own = self.ctx, dict[str, click.Option]()
        places: float = 0
        while self.left and self.left[0] != "--":
            word = self.left[0]
            if _is_option(word):
                known = own.get(_name(word))
                found = known or self.movable.get(_name(word))
                taken = self._take(found)
                (self.kept if known or found is None else self.moved).extend(taken)
                continue
            self.kept.append(self.left.pop(0))
            if isinstance(ctx.command, click.Group):
                command = ctx.command.get_command(ctx, word)
                if command is None:
                    return
                ctx = click.Context(command, ctx, info_name=word, resilient_parsing=True)
                own, places = _options(ctx), _places(command)
            elif places <= 1 or not ctx.allow_interspersed_args:
                return  # all that follows is a command line of another program
            else:
                places -= 1

    def _take(self, option: click.Option | None) -> list[str]:
        """Take an option, with its values where they aren't in the same word."""
        word = self.left[0]
        attached = "=" in word if word.startswith("--") else len(word) > len("-x")
        values = 0 if option is None or attached or _is_switch(option) else option.nargs
        taken = self.left[: 1 + values]
        if len(taken) <= values:
            name = _name(word)
            raise click.BadOptionUsage(name, f"Option {name!r} requires an argument.", self.ctx)
        del self.left[: 1 + values]
        return taken


def _is_option(word: str) -> bool:
    return word.startswith("-") and word not in ("-", "--")


def _name(word: str) -> str:
    return word.partition("=")[0] if word.startswith("--") else word[: len("-x")]


def _is_switch(option: click.Option) -> bool:
    return option.is_flag or option.count


def _options(ctx: click.Context) -> dict[str, click.Option]:
    params = ctx.command.get_params(ctx)
    return _by_name([each for each in params if isinstance(each, click.Option)])


def _by_name(options: Sequence[click.Option]) -> dict[str, click.Option]:
    return {name: each for each in options for name in (*each.opts, *each.secondary_opts)}


def _places(command: click.Command) -> float:
    """Count the arguments up to those that are for another program, which is the last of them."""
    for number, argument in enumerate(p for p in command.params if isinstance(p, click.Argument)):
        if argument.nargs < 0 and argument.type is click.UNPROCESSED:
            return number + 1
    return float("inf")


def offering(command: click.Command, options: Sequence[click.Option]) -> click.Command:
    """Add options to a copy of a command, below it if it is a group, for a shell to complete."""
    if isinstance(command, click.Group):
        return _Offering(command, options)
    own = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
    added = [each for each in options if own.isdisjoint((*each.opts, *each.secondary_opts))]
    command = copy.copy(command)
    command.params = [*command.params, *added]
    return command


class _Offering(click.Group):
    """A group whose commands have more options."""

    def __init__(self, group: click.Group, options: Sequence[click.Option]) -> None:
        super().__init__(group.name, params=[*group.params, *options])
        self._group = group
        self._options = options

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names that the group has."""
        return self._group.list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command of the group."""
        found = self._group.get_command(ctx, cmd_name)
        return None if found is None else offering(found, self._options)
