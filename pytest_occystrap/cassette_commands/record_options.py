"""The options of `occystrap cassette record`, and the value that they make.

Rule: what one option says is read here, whether they fit together as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Self, get_args

import click

from occystrap.commands.listening import Certificate
from occystrap.commands.variables import CommandOption
from occystrap.errors import InvalidOption
from occystrap.server.forward import OtherOrigins

__all__ = ["RECORD_OPTIONS", "RecordOptions"]

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)

RECORD_OPTIONS: Final[Sequence[click.Parameter]] = (
    click.Argument(["name"], required=False),
    click.Argument(["command"], nargs=-1, type=click.UNPROCESSED),
    CommandOption(["--from", "url"], metavar="URL", help="Ask this registry."),
    CommandOption(
        ["--scenario", "scenarios"],
        metavar="PATTERN",
        multiple=True,
        help="Record this scenario of scenarios.toml, or all whose names match, such as"
        " 'quay.io/*'. With --from, from there. Can be repeated.",
    ),
    CommandOption(
        ["--dir", "directory"],
        metavar="DIR",
        type=click.Path(path_type=Path),
        default="cassettes",
        show_default=True,
        help="The directory of cassettes.",
    ),
    CommandOption(["--about"], default="", metavar="TEXT", help="What the cassette stands for."),
    CommandOption(
        ["--server"],
        default="",
        metavar="TEXT",
        help="Software and version of the registry.  [default: what it calls itself]",
    ),
    CommandOption(
        ["--other-origins"],
        type=click.Choice(get_args(OtherOrigins)),
        default="through",
        show_default=True,
        help="Lead clients through the recording to token endpoints and storage as well, or let"
        " them pass it by.",
    ),
    CommandOption(
        ["--ask-http2"], is_flag=True, help="Ask the registry over HTTP/2 where it offers that."
    ),
    CommandOption(
        ["--listen"],
        metavar="HOST:PORT",
        default="127.0.0.1:0",
        help="Where the command finds the recording.  [default: a free port of 127.0.0.1]",
    ),
    CommandOption(
        ["--tls"],
        is_flag=True,
        help="Speak TLS to the command, with a certificate made for this run; {ca_file} is its CA.",
    ),
    CommandOption(
        ["--tls-cert"],
        metavar="FILE",
        type=_FILE,
        help="Speak TLS with this certificate, and the chain in the same file.",
    ),
    CommandOption(
        ["--tls-key"],
        metavar="FILE",
        type=_FILE,
        help="Its key, where the certificate's file doesn't hold it.",
    ),
)


#: What scenarios say themselves, as it is when nobody says it.
_UNSAID: Final[Mapping[str, Any]] = {
    "about": "",
    "server": "",
    "other_origins": "through",
    "ask_http2": False,
    "listen": "127.0.0.1:0",
    "tls": False,
    "tls_cert": None,
    "tls_key": None,
}


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """What was chosen."""

    name: str | None
    command: tuple[str, ...]
    url: str | None
    scenarios: tuple[str, ...]
    directory: Path
    about: str
    server: str
    other_origins: OtherOrigins
    ask_http2: bool
    listen: str
    tls: bool
    tls_cert: Path | None
    tls_key: Path | None

    @classmethod
    def taken_from(cls, chosen: dict[str, Any]) -> Self:
        """Take what click has read.

        Raises:
            click.UsageError: it doesn't fit together.
        """
        said = cls(**{each.name: chosen[each.name] for each in fields(cls)})
        alone = cls(None, (), said.url, said.scenarios, said.directory, **_UNSAID)
        if said.scenarios and said != alone:
            raise click.UsageError("with --scenario, scenarios.toml says all but --from and --dir")
        if not said.scenarios and not (said.name and said.url):
            raise click.UsageError("what is recorded? NAME and --from are needed, or --scenario")
        return said

    @property
    def certificate(self) -> Certificate | bool:
        """What is shown to the command: a certificate, one that is still to be made, or none.

        Raises:
            InvalidOption: there is a key without a certificate.
        """
        if self.tls_cert is not None:
            return Certificate(self.tls_cert, self.tls_key)
        if self.tls_key is not None:
            raise InvalidOption("--tls-key is the key of a certificate: --tls-cert is missing")
        return self.tls
