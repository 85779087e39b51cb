"""A command whose options other packages add to.

Rule: extensions are imported for an option that the command doesn't have itself, and for its help;
one that can't be imported says what it needs, and only to who asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from occystrap.commands.additions import Addition, MissingNeed, added_options
from occystrap.commands.serving import Extension, Front, Serving
from occystrap.commands.variables import CommandOption, environment_of, variable_of
from occystrap.errors import InvalidOption

if TYPE_CHECKING:
    from occystrap.server.doors.listener import Listener
    from occystrap.server.doors.opening import Greet
    from occystrap.server.message import Handler

__all__ = ["ExtensibleCommand"]


@dataclass(frozen=True, slots=True)
class _Found:
    """The extensions that could be imported, and why others couldn't."""

    extensions: tuple[Extension, ...]
    missing: Mapping[str, MissingNeed]


def _import(additions: Sequence[Addition]) -> _Found:
    extensions, missing = list[Extension](), dict[str, MissingNeed]()
    for addition in additions:
        try:
            make: Callable[[], Extension] = addition.load()
        except MissingNeed as error:
            missing[addition.name] = error
        else:
            extensions.append(make())
    return _Found(tuple(extensions), missing)


class ExtensibleCommand(click.Command):
    """A command that has the options of extensions, too; `place` is its name with dots."""

    def __init__(
        self,
        *args: Any,
        place: str,
        find: Callable[[str], Sequence[Addition]] = added_options,
        **attributes: Any,
    ) -> None:
        super().__init__(*args, **attributes)
        self._place = place
        self._find = find
        self._found: _Found | None = None

    def _load(self) -> _Found:
        if self._found is None:
            self._found = _import(self._find(self._place))
        return self._found

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own parameters, and those of the extensions that are imported."""
        if ctx.resilient_parsing:  # somebody wants to know all that could be typed
            self._load()
        *own, help_option = super().get_params(ctx)
        extensions = () if self._found is None else self._found.extensions
        return [*own, *(each for found in extensions for each in found.options), help_option]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; say where an option may come from that isn't there."""
        if self._is_set_by_variable(ctx):
            self._load()
        try:
            return super().parse_args(ctx, list(args))
        except click.NoSuchOption:
            self._load()
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise self._explained(error) from error

    def _is_set_by_variable(self, ctx: click.Context) -> bool:
        """Tell whether a variable may be that of an option of an extension."""
        prefix = variable_of(*self._place.split("."), "")
        own = {each.variable(ctx) for each in self.params if isinstance(each, CommandOption)}
        return any(name.startswith(prefix) and name not in own for name in environment_of(ctx))

    def _explained(self, error: click.NoSuchOption) -> click.UsageError:
        missing = self._load().missing
        need = missing.get(error.option_name.lstrip("-"))
        if need is not None:
            name = error.option_name
            return click.UsageError(str(MissingNeed(name, need.need, need.cure)), error.ctx)
        if not missing:
            return error
        cures = " or ".join(sorted({each.cure for each in missing.values()}))
        message = f"{error.message.rstrip('.')} (more options come with: {cures})."
        name, near = error.option_name, error.possibilities
        return click.NoSuchOption(name, message, near, ctx=error.ctx)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help, the options of extensions included."""
        self._load()
        super().format_help(ctx, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, and where there are more."""
        super().format_options(ctx, formatter)
        for name, need in self._load().missing.items():
            formatter.write_paragraph()
            formatter.write_text(f"--{name} comes with: {need.cure}")

    def front(self, serving: Serving, chosen: Mapping[str, Any]) -> Front:
        """Make what answers: what an extension makes, or the registry behind its gate.

        Raises:
            InvalidOption: two extensions want to answer, or options don't fit together.
        """
        extensions = () if self._found is None else self._found.extensions
        said = [(extension, _of(extension, chosen)) for extension in extensions]
        serving = replace(serving, open=_Opening(serving, said))
        fronts = [
            front for each, words in said if (front := each.front(serving, words)) is not None
        ]
        if len(fronts) > 1:
            raise InvalidOption("these options come from different packages; choose one of them")
        front = fronts[0] if fronts else serving.front()
        for extension, words in said:
            front = replace(front, handler=extension.around(front.handler, serving, words))
        return replace(front, greet=_greeter(serving, said, beside=False) or front.greet)


_Said = Sequence[tuple[Extension, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class _Opening:
    """Listens at a second address, with all that extensions put around what is there."""

    serving: Serving
    said: _Said

    def __call__(
        self,
        handler: Handler,
        address: str | None = None,
        *,
        http2: bool = True,
        greet: Greet | None = None,
    ) -> Listener:
        for extension, words in self.said:
            handler = extension.beside(handler, self.serving, words)
        greet = _greeter(self.serving, self.said, beside=True) or greet
        return self.serving.open(handler, address, http2=http2, greet=greet)


def _greeter(serving: Serving, said: _Said, *, beside: bool) -> Greet | None:
    greeters = (each.greeter(serving, words, beside=beside) for each, words in said)
    return next((greet for greet in greeters if greet is not None), None)


def _of(extension: Extension, chosen: Mapping[str, Any]) -> dict[str, Any]:
    return {str(option.name): chosen[str(option.name)] for option in extension.options}
