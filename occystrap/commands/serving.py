"""What `occystrap registry serve` serves, and how packages have their say in it.

Rule: one extension at most answers in place of the plain registry, its gate included; any number
of them may stand around what answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from occystrap.commands.guard import Guard
from occystrap.errors import InvalidOption

if TYPE_CHECKING:
    import click

    from occystrap.server.doors.listener import Listener
    from occystrap.server.doors.opening import Greet
    from occystrap.server.message import Handler
    from occystrap.server.registry import Registry

__all__ = ["Extension", "Front", "Open", "Serving"]


class Open(Protocol):
    """Listen at a second address, as the first one: with TLS or without, until the command ends."""

    def __call__(
        self,
        handler: Handler,
        address: str | None = None,
        *,
        http2: bool = True,
        greet: Greet | None = None,
    ) -> Listener:
        """Put a handler there; without an address, at any free port of the first one's host."""
        ...


def _nowhere(
    handler: Handler,  # noqa: ARG001 - an Open has it
    address: str | None = None,  # noqa: ARG001
    *,
    http2: bool = True,  # noqa: ARG001
    greet: Greet | None = None,  # noqa: ARG001
) -> Listener:
    raise InvalidOption("there is no other place to listen at")


@dataclass(frozen=True, slots=True)
class Serving:
    """The registry, whom it lets in, and what else was said about how to serve it.

    `auth` is `basic` or `bearer`; None lets everyone in. `http2` is None if nobody chose.
    """

    registry: Registry
    auth: str | None = None
    accounts: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    anonymous_pull: bool = False
    http2: bool | None = None
    open: Open = _nowhere

    @property
    def guard(self) -> Guard:
        """Who is let in."""
        return Guard(self.auth, self.accounts, self.anonymous_pull)

    def check(self) -> None:
        """See that accounts and the way to ask for them fit together.

        Raises:
            InvalidOption: they don't.
        """
        self.guard.check()

    def guarded(self, handler: Handler) -> Handler:
        """Put the gate in front of a handler, if there is one."""
        return self.guard.around(handler)

    def front(self) -> Front:
        """Make what answers where no extension does.

        Raises:
            InvalidOption: accounts and the way to ask for them don't fit together.
        """
        self.check()
        return Front(self.guarded(self.registry), http2=self.http2 is not False)


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Front:
    """What answers, and what has to be known of it.

    `library`: images with a name of one part are kept under `library/`, as at Docker Hub. `notes`
    are printed, a line each. `filled` is called when the images of --image are in the store.
    `greet` is told of connections that begin with TLS.
    """

    handler: Handler
    http2: bool = True
    library: bool = False
    notes: tuple[str, ...] = ()
    filled: Callable[[], None] = _nothing
    greet: Greet | None = None


class Extension(Protocol):
    """More options for `occystrap registry serve`, and what they do; to be derived from."""

    #: The names of the options are what the methods find their values under.
    options: Sequence[click.Option] = ()

    def front(
        self,
        serving: Serving,  # noqa: ARG002 - for those who have an answer
        chosen: Mapping[str, Any],  # noqa: ARG002
    ) -> Front | None:
        """Make what answers in place of the registry, the gate included; None leaves that be."""
        return None

    def around(
        self,
        handler: Handler,
        serving: Serving,  # noqa: ARG002 - for those who stand around it
        chosen: Mapping[str, Any],  # noqa: ARG002
    ) -> Handler:
        """Put something around all that answers, or return it as it is."""
        return handler

    def beside(
        self,
        handler: Handler,
        serving: Serving,  # noqa: ARG002
        chosen: Mapping[str, Any],  # noqa: ARG002
    ) -> Handler:
        """Put something around what listens at a second address, such as storage."""
        return handler

    def greeter(
        self,
        serving: Serving,  # noqa: ARG002 - for those who meet connections
        chosen: Mapping[str, Any],  # noqa: ARG002
        *,
        beside: bool,  # noqa: ARG002
    ) -> Greet | None:
        """Make what is told of connections that begin with TLS, at the first address or another."""
        return None
