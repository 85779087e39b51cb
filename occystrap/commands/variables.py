"""Options that an environment variable stands for, too.

Rule: the variable is named after the command and the option, `OCCYSTRAP_PROCESS_SHARD` for
`occystrap process --shard`; a global option has no command in its name. What is typed goes before
it, and an empty one counts as none.
"""

from __future__ import annotations

import os
import shlex
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CommandOption", "environment_of", "long_name", "option", "variable_of"]

_PREFIX: Final = "OCCYSTRAP"


def environment_of(ctx: click.Context) -> Mapping[str, str]:
    """Return the environment of a run: that of the process, or the one in `ctx.obj`."""
    obj = ctx.obj if isinstance(ctx.obj, dict) else {}
    environ: Mapping[str, str] = obj.get("ENVIRON", os.environ)
    return environ


def long_name(declarations: list[str] | tuple[str, ...]) -> str:
    """Choose the name of an option that begins with two dashes."""
    return next(name for name in declarations if name.startswith("--")).partition("/")[0]


def variable_of(*words: str) -> str:
    """Name the variable for a command, word by word, and the long name of an option."""
    return "_".join((_PREFIX, *(word.strip("-").replace("-", "_").upper() for word in words)))


class CommandOption(click.Option):
    """An option of a command; `envvar` is another name for its variable."""

    def variable(self, ctx: click.Context) -> str:
        """Name the variable, for the command of a context."""
        if isinstance(self.envvar, str):
            return self.envvar
        words = [long_name(self.opts)]
        at: click.Context = ctx
        while at.parent is not None:
            words.insert(0, at.info_name or "")
            at = at.parent
        return variable_of(*words)

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Look the variable up."""
        return environment_of(ctx).get(self.variable(ctx)) or None

    def value_from_envvar(self, ctx: click.Context) -> Any:
        """Read the variable; values of an option that can be repeated are words of a shell."""
        found = self.resolve_envvar_value(ctx)
        if found is None or not self.multiple:
            return super().value_from_envvar(ctx)
        try:
            return shlex.split(found)
        except ValueError as error:
            name = self.variable(ctx)
            raise click.UsageError(f"{name}: a quotation mark is missing", ctx) from error

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """Name the option in an error, with the variable."""
        hint = super().get_error_hint(ctx)
        return hint if ctx is None else f"{hint} (env var: {self.variable(ctx)!r})"

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Write the line of help, with the variable."""
        record = super().get_help_record(ctx)
        if record is None or self.envvar:
            return record
        names, text = record
        said, bracket, more = text.rpartition("  [")
        variable = f"env var: {self.variable(ctx)}"
        if bracket and more.endswith("]"):
            return names, f"{said}  [{variable}; {more}"
        return names, f"{text}  [{variable}]"


#: Declares an option of a command, as click.option does.
option: Final = partial(click.option, cls=CommandOption)
