"""What stands in front of the registry that `occystrap registry serve` runs, and who may add to it.

Rule: the tool knows no package that adds options; packages make themselves known under the entry
point group `occystrap.registry_serve`, each with a function that makes an
`Extension`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final, Protocol

import click

from occystrap.errors import InvalidOption
from occystrap.server.gate import BasicGate, BearerGate

if TYPE_CHECKING:
    from occystrap.server.message import Handler
    from occystrap.server.registry import Registry

__all__ = [
    "ExtensibleCommand",
    "Extension",
    "Serving",
    "installed_extensions",
]

GROUP: Final = "occystrap.registry_serve"


@dataclass(frozen=True, slots=True)
class Serving:
    """The registry, and whom it lets in: everyone, or by `auth` (`basic` or `bearer`) accounts."""

    registry: Registry
    auth: str | None = None
    accounts: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    anonymous_pull: bool = False

    def __post_init__(self) -> None:
        if self.auth is None and self.accounts:
            raise InvalidOption("--user needs --auth basic or --auth bearer")
        if self.auth == "basic" and not self.accounts:
            raise InvalidOption("--auth basic needs at least one --user NAME:PASSWORD")
        if self.anonymous_pull and not (self.auth == "bearer" and self.accounts):
            raise InvalidOption("--anonymous-pull needs --auth bearer and --user NAME:PASSWORD")

    def guarded(self, handler: Handler) -> Handler:
        """Put the gate in front of a handler, if there is one."""
        if self.auth == "basic":
            return BasicGate(handler, self.accounts)
        if self.auth == "bearer":
            accounts = self.accounts or None
            return BearerGate(handler, accounts=accounts, anonymous_pull=self.anonymous_pull)
        return handler


class Extension(Protocol):
    """More options for `occystrap registry serve`, and what they do."""

    @property
    def options(self) -> Sequence[click.Option]:
        """The options; their names are what `front` finds their values under."""
        ...

    def front(self, serving: Serving, chosen: Mapping[str, Any]) -> Handler | None:
        """Make all that stands in front of the registry, the gate included.

        None when the options leave everything as it is.
        """
        ...


def installed_extensions() -> list[Extension]:
    """Load what other packages add; one whose own needs aren't installed adds nothing."""
    found: list[Extension] = []
    for entry_point in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        try:
            make: Callable[[], Extension] = entry_point.load()
        except ImportError:
            continue
        found.append(make())
    return found


class ExtensibleCommand(click.Command):
    """A command that has the options of extensions, too; they are looked for when it is used."""

    def __init__(
        self,
        *args: Any,
        extensions: Callable[[], list[Extension]] = installed_extensions,
        **attributes: Any,
    ) -> None:
        super().__init__(*args, **attributes)
        self._find = extensions
        self._found: list[Extension] | None = None

    @property
    def extensions(self) -> list[Extension]:
        """The extensions, looked for once."""
        if self._found is None:
            self._found = self._find()
        return self._found

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own parameters, and those of the extensions."""
        *own, help_option = super().get_params(ctx)
        return [*own, *(each for found in self.extensions for each in found.options), help_option]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; say where an option may come from that isn't there."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if self.extensions:
                raise
            hint = "more options come with: pip install 'occystrap[pytest]'"
            message = f"{error.message.rstrip('.')} ({hint})."
            name, near = error.option_name, error.possibilities
            raise click.NoSuchOption(name, message, near, ctx=error.ctx) from error

    def front(self, serving: Serving, chosen: Mapping[str, Any]) -> Handler:
        """Make what answers: what an extension makes, or the registry behind its gate.

        Raises:
            InvalidOption: two extensions want to.
        """
        fronts = []
        for extension in self.extensions:
            names = [str(option.name) for option in extension.options]
            front = extension.front(serving, {name: chosen[name] for name in names})
            if front is not None:
                fronts.append(front)
        if len(fronts) > 1:
            raise InvalidOption("these options come from different packages; choose one of them")
        return fronts[0] if fronts else serving.guarded(serving.registry)
