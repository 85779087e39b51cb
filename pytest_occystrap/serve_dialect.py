"""`occystrap registry serve --dialect`: a registry with the ways of another, for any client.

Rule: it is what a fake registry is, on a clock that runs, over a store of the command's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast

import click

from occystrap.commands.serving import Extension, Front, Serving
from occystrap.commands.variables import CommandOption
from occystrap.errors import InvalidOption
from occystrap.oci.reference import DOCKER_HUB
from occystrap.server.doors.listener import Listener
from occystrap.server.message import Request
from pytest_occystrap.dialects import DIALECTS, Dialect
from pytest_occystrap.dialects.entry_form import Scheme
from pytest_occystrap.exchange import hostname
from pytest_occystrap.options import AuthName, RegistryOptions
from pytest_occystrap.stack import adapted_dialect, find_dialect, stack_over

__all__ = ["ServeDialect"]

#: Where clients are sent from these names: to the same machine, under another name.
_OTHER_NAMES: Final = {"127.0.0.1": "localhost", "::1": "localhost", "localhost": "127.0.0.1"}
_AUTH: Final = {Scheme.BASIC: "basic", Scheme.BEARER: "bearer", Scheme.NONE: None}
#: What the options say when none of them was typed.
_UNASKED: Final = {
    "dialect": None,
    "redirects": None,
    "storage": None,
    "private": (),
    "token_lifetime": None,
    "limits": False,
}


def _known_dialect(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    try:
        if value:
            find_dialect(value)
    except InvalidOption as error:
        raise click.BadParameter(str(error), ctx, param) from error
    return value


def _options() -> tuple[click.Option, ...]:
    """Make the options, anew for each command: click keeps them as its own."""
    return (
        CommandOption(
            ["--dialect"],
            metavar="NAME",
            callback=_known_dialect,
            help=f"Speak as this registry does: {', '.join(DIALECTS)}. Its strangers may pull, and"
            " those of --user push; without --user everyone may.",
        ),
        CommandOption(
            ["--redirects/--no-redirects"],
            default=None,
            help="Send who pulls a blob to a signed URL of another host, or don't.  [default: as"
            " the dialect does]",
        ),
        CommandOption(
            ["--storage"],
            metavar="HOST:PORT",
            help="Where that other host listens.  [default: a free port beside --listen]",
        ),
        CommandOption(
            ["--private"],
            metavar="REPOSITORY",
            multiple=True,
            help="Keep strangers from this repository. Can be repeated.",
        ),
        CommandOption(
            ["--token-lifetime"],
            metavar="SECONDS",
            type=click.IntRange(min=1),
            help="How long a token is good for.  [default: as the dialect does, or 300]",
        ),
        CommandOption(
            ["--limits"],
            is_flag=True,
            help="Keep also those rate limits that the registry doesn't announce.",
        ),
    )


class ServeDialect(Extension):
    """The options of `occystrap registry serve` that make a fake registry of it.

    The clock gives seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.options = _options()

    def front(self, serving: Serving, chosen: Mapping[str, Any]) -> Front | None:
        """Put the dialect in front of the store, and the host for blobs beside it.

        Raises:
            InvalidOption: there is no such dialect, or options don't fit together.
        """
        options = _read(serving, chosen)
        if options is None:
            return None
        dialect, storage = adapted_dialect(options), chosen["storage"]
        _check(serving, dialect, options, storage)
        http2 = dialect.http2 if serving.http2 is None else serving.http2
        elsewhere = _Elsewhere()
        store, accounts = serving.registry.store, serving.accounts or None
        stack = stack_over(store, options, accounts, self._clock, elsewhere.url)
        if stack.cdn is not None:
            elsewhere.listener = serving.open(stack.cdn, storage, http2=http2)
        return Front(
            stack.speaking,
            http2=http2,
            library=DOCKER_HUB in dialect.hosts,
            notes=tuple(_notes(dialect, elsewhere.listener)),
            filled=stack.speaking.look,
        )


def _read(serving: Serving, chosen: Mapping[str, Any]) -> RegistryOptions | None:
    """Make the options of a fake registry; None if nobody asks for one."""
    if chosen == _UNASKED:
        return None
    dialect: str = chosen["dialect"] or ""
    # Without a dialect strangers have no more rights than the gate of the command gives them.
    closed = not dialect and bool(serving.accounts) and not serving.anonymous_pull
    return RegistryOptions(
        dialect=dialect,
        auth=cast("AuthName | None", serving.auth),
        private=closed or chosen["private"],
        token_lifetime=chosen["token_lifetime"],
        redirects=chosen["redirects"],
        limits=chosen["limits"],
    )


@dataclass(slots=True)
class _Elsewhere:
    """Where blobs are, once somebody listens there."""

    listener: Listener | None = None

    def url(self, request: Request, path: str) -> str:
        """Make the URL of a blob, for the client that has asked.

        It has a port and, where we know one, a name of its own: some clients compare the one to see
        whether a redirect leads elsewhere, some the other.
        """
        assert self.listener is not None  # noqa: S101 - else nothing is redirected
        asked = hostname(request.host)
        name = _OTHER_NAMES.get(asked, f"[{asked}]" if ":" in asked else asked)
        return f"{request.scheme}://{name}:{self.listener.host.rpartition(':')[2]}{path}"


def _check(
    serving: Serving, dialect: Dialect, options: RegistryOptions, storage: str | None
) -> None:
    own = _AUTH[dialect.entry.scheme] if dialect.name else None
    auth = serving.auth or own
    # A dialect of passwords lets everyone in as long as nobody has one.
    replace(serving, auth=auth if serving.accounts or serving.auth else None).check()
    if options.private and not serving.accounts:
        raise InvalidOption("--private needs --user NAME:PASSWORD, who may see it")
    if options.token_lifetime is not None and auth != "bearer":
        raise InvalidOption("--token-lifetime needs --auth bearer, or a dialect with tokens")
    if storage is not None and dialect.blobs.redirect is None:
        raise InvalidOption("--storage is where blobs are redirected to: --redirects is missing")


def _notes(dialect: Dialect, storage: Listener | None) -> Iterator[str]:
    if dialect.name:
        yield f"Dialect: {dialect.title}"
    if storage is not None:
        yield f"Blobs are redirected to: {storage.url}"
