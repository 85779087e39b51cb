"""The options of `occystrap proxy`, and the value that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from occystrap.commands.guard import Guard
from occystrap.commands.serve_options import ACCESS_OPTIONS, TLS_OPTIONS, certificate_of
from occystrap.commands.serve_values import SizeType
from occystrap.commands.variables import CommandOption
from occystrap.proxy.downstream import read_place

if TYPE_CHECKING:
    from occystrap.commands.listening import Certificate
    from occystrap.uri import URISpec

__all__ = ["PROXY_OPTIONS", "ProxyOptions"]

_PORT: Final = 5050
_PLACE: Final = "HOST[/PREFIX]"

PROXY_OPTIONS: Final[Sequence[click.Option]] = (
    CommandOption(
        ["-d", "--downstream"],
        metavar=_PLACE,
        required=True,
        help="The registry that images go to, and are answered from. It may be written as"
        " registry://USER:PASSWORD@HOST/PREFIX?OPTION=VALUE, with the options of a destination.",
    ),
    CommandOption(
        ["-l", "--listen"],
        metavar="HOST[:PORT]",
        default=f"127.0.0.1:{_PORT}",
        show_default=True,
        help="Where to listen; port 0 takes any that is free.",
    ),
    CommandOption(
        ["-u", "--upstream"],
        metavar=_PLACE,
        help="Pull what isn't downstream from this registry, through the filters. It is written as"
        " --downstream is, and shares neither its login nor --insecure with it.",
    ),
    CommandOption(
        ["--upstream-username"],
        envvar="OCCYSTRAP_UPSTREAM_USERNAME",
        show_envvar=True,
        metavar="NAME",
        help="The user name there; wins over one in --upstream.",
    ),
    CommandOption(
        ["--upstream-password"],
        envvar="OCCYSTRAP_UPSTREAM_PASSWORD",
        show_envvar=True,
        metavar="PASSWORD",
        help="The password there; wins over one in --upstream. Better given as the variable.",
    ),
    CommandOption(
        ["-f", "--filter", "filters"],
        multiple=True,
        metavar="FILTER",
        help="Let this happen to images on their way. Can be repeated: the first one comes first.",
    ),
    CommandOption(
        ["-c", "--concurrency"],
        type=click.IntRange(min=1),
        default=4,
        show_default=True,
        help="How many images are passed on at once; others wait.",
    ),
    CommandOption(
        ["--disk-limit"],
        type=SizeType(),
        help="The most that pushes under way, and what is kept of earlier ones, may take in"
        " --temp-dir, such as 20G. A push that doesn't fit is refused.  [default: no limit]",
    ),
    CommandOption(
        ["--grace"],
        metavar="SECONDS",
        type=click.FloatRange(min=0),
        default=300.0,
        show_default=True,
        help="How long to wait, when told to stop, for what is under way.",
    ),
    *(option for option in ACCESS_OPTIONS if option.name != "anonymous_pull"),
    *TLS_OPTIONS,
)


@dataclass(frozen=True, slots=True)
class ProxyOptions:
    """What was chosen, as click read it."""

    downstream: str = field(repr=False)
    listen: str
    upstream: str | None = field(repr=False)
    upstream_username: str | None
    upstream_password: str | None = field(repr=False)
    filters: tuple[str, ...]
    concurrency: int
    disk_limit: int | None
    grace: float
    auth: str | None
    accounts: tuple[tuple[str, str], ...] = field(repr=False)
    tls: bool
    tls_cert: Path | None
    tls_key: Path | None

    @property
    def address(self) -> str:
        """Where to listen; without a port it is the usual one."""
        host = self.listen.rpartition("]")[2]
        return self.listen if ":" in host else f"{self.listen}:{_PORT}"

    @property
    def guard(self) -> Guard:
        """Who is let in."""
        return Guard(self.auth, dict(self.accounts))

    @property
    def certificate(self) -> Certificate | bool:
        """What is shown to clients."""
        return certificate_of(self.tls_cert, self.tls_key, tls=self.tls)

    def upstream_place(self) -> URISpec | None:
        """Read where images are pulled from, if anywhere.

        Raises:
            InvalidInput: it can't be read.
        """
        if self.upstream is None:
            if self.upstream_username or self.upstream_password:
                raise click.UsageError("a login for upstream needs --upstream")
            return None
        place = read_place(self.upstream)
        login: dict[str, Any] = {
            "username": self.upstream_username,
            "password": self.upstream_password,
        }
        chosen = {name: value for name, value in login.items() if value is not None}
        return replace(place, options={**place.options, **chosen})
