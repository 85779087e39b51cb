"""The options of `occystrap registry serve`, and the value that they make.

Rule: what one option says is read here, whether they fit together is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Self

import click

from occystrap.commands.listening import Certificate
from occystrap.commands.serve_values import AccountType, Seed, SeedType
from occystrap.commands.variables import CommandOption
from occystrap.errors import InvalidOption

__all__ = ["ACCESS_OPTIONS", "SERVE_OPTIONS", "TLS_OPTIONS", "ServeOptions", "certificate_of"]

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)

#: Who is let in.
ACCESS_OPTIONS: Final[Sequence[click.Option]] = (
    CommandOption(
        ["--auth"],
        type=click.Choice(["basic", "bearer"]),
        help="Ask for a password, or for a token that is given out for a password. Bearer without"
        " --user gives tokens to everyone.",
    ),
    CommandOption(
        ["--user", "accounts"],
        type=AccountType(),
        multiple=True,
        help="Let in who has this name and password, which everyone on the machine can see in the"
        " list of processes. Can be repeated.",
    ),
    CommandOption(
        ["--anonymous-pull"],
        is_flag=True,
        help="With --auth bearer, give strangers tokens to pull with.",
    ),
)
#: What is shown to clients.
TLS_OPTIONS: Final[Sequence[click.Option]] = (
    CommandOption(
        ["--tls"],
        is_flag=True,
        help="Speak TLS, with a certificate made for this run; where its CA is to be found is"
        " printed.",
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
SERVE_OPTIONS: Final[Sequence[click.Option]] = (
    CommandOption(
        ["--listen"],
        metavar="HOST:PORT",
        default="127.0.0.1:5000",
        show_default=True,
        help="Where to listen; port 0 takes any that is free.",
    ),
    CommandOption(
        ["--dir", "directory"],
        metavar="PATH",
        type=click.Path(path_type=Path),
        help="Keep images in this directory, laid out as docker-registry lays out its own, instead"
        " of in memory.",
    ),
    CommandOption(
        ["--image", "seeds"],
        type=SeedType(),
        multiple=True,
        help="Begin with the images of a tarball, as docker save, podman save, skopeo or buildx"
        " write them; under the name before the '=', or else those in the tarball. Can be"
        " repeated.",
    ),
    *ACCESS_OPTIONS,
    CommandOption(
        ["--sparse"],
        is_flag=True,
        help="Take manifests that name blobs or manifests which aren't there, as an index for some"
        " of its platforms only.",
    ),
    *TLS_OPTIONS,
    CommandOption(
        ["--http2/--no-http2"],
        default=None,
        help="Offer HTTP/2 beside HTTP/1.1, or don't.  [default: offer it]",
    ),
)


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What was chosen; `http2` is None if nobody chose."""

    listen: str
    directory: Path | None
    seeds: tuple[Seed, ...]
    auth: str | None
    accounts: tuple[tuple[str, str], ...] = field(repr=False)
    anonymous_pull: bool
    sparse: bool
    tls: bool
    tls_cert: Path | None
    tls_key: Path | None
    http2: bool | None

    @classmethod
    def taken_from(cls, chosen: dict[str, Any]) -> Self:
        """Take what click has read out of a dictionary, and leave the rest there."""
        return cls(**{each.name: chosen.pop(each.name) for each in fields(cls)})

    @property
    def certificate(self) -> Certificate | bool:
        """What is shown to clients: a certificate, one that is still to be made (True), or none.

        Raises:
            InvalidOption: there is a key without a certificate.
        """
        return certificate_of(self.tls_cert, self.tls_key, tls=self.tls)


def certificate_of(cert: Path | None, key: Path | None, *, tls: bool) -> Certificate | bool:
    """Say what is shown to clients: a certificate, one that is still to be made (True), or none.

    Raises:
        InvalidOption: there is a key without a certificate.
    """
    if cert is not None:
        return Certificate(cert, key)
    if key is not None:
        raise InvalidOption("--tls-key is the key of a certificate: --tls-cert is missing")
    return tls
