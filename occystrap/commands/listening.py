"""The addresses that `occystrap registry serve` listens at, all of them with the same certificate.

Rule: what was opened is closed with the command.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from occystrap.errors import InvalidOption
from occystrap.server.doors.listener import Listener, parse_address, serve
from occystrap.server.doors.opening import Greet
from occystrap.server.doors.tls import ALPN, TestAuthority
from occystrap.server.message import Handler

__all__ = ["Certificate", "Listening"]

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_EVERY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - looked for, not listened at


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's certificate with its chain, and its key if that is in another file; PEM."""

    file: Path
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Make the context of a server.

        Raises:
            InvalidOption: it can't be used.
        """
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            # An empty password instead of a question on the terminal.
            context.load_cert_chain(self.file, self.key, password="")
        except OSError as error:
            reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
            raise InvalidOption(f"can't use the certificate {self.file}: {reason}") from error
        return context


class Listening(contextlib.ExitStack):
    """Listens where it is told, until it is closed; the first address is `address`.

    With `tls` it speaks TLS: with that certificate, or with one of an authority of its own (True).
    """

    def __init__(self, address: str, *, tls: Certificate | bool = False) -> None:
        super().__init__()
        self._host, self._port = parse_address(address)
        self._written = address
        self._tls = tls
        self._authority: TestAuthority | None = None

    def __enter__(self) -> Self:
        return self

    @property
    def authority(self) -> TestAuthority | None:
        """Who has made the certificate, if nobody brought one; known as soon as one listens."""
        return self._authority

    def first(
        self, handler: Handler, *, http2: bool = True, greet: Greet | None = None
    ) -> Listener:
        """Put a handler at the address; `greet` is told of connections that begin with TLS.

        Raises:
            InvalidOption: nobody can listen there, or the certificate can't be used.
        """
        hint = "; --listen chooses another address"
        place = (self._host, self._port)
        return self._open(handler, place, self._written, hint, http2=http2, greet=greet)

    def beside(
        self,
        handler: Handler,
        address: str | None = None,
        *,
        http2: bool = True,
        greet: Greet | None = None,
    ) -> Listener:
        """Put a handler at another address; by default, at any free port of the same host.

        Raises:
            InvalidOption: nobody can listen there, or the certificate can't be used.
        """
        place = (self._host, 0) if address is None else parse_address(address)
        return self._open(handler, place, address or self._host, http2=http2, greet=greet)

    def _open(
        self,
        handler: Handler,
        place: tuple[str, int],
        told: str,
        hint: str = "",
        *,
        http2: bool,
        greet: Greet | None,
    ) -> Listener:
        context = self._context(http2=http2)
        greet = greet if context is not None else None
        authority = self._authority
        try:
            return self.enter_context(
                serve(handler, place, tls=context, http2=http2, greet=greet, authority=authority)
            )
        except OSError as error:
            raise InvalidOption(f"can't listen on {told}: {error.strerror}{hint}") from error

    def _context(self, *, http2: bool) -> ssl.SSLContext | None:
        if isinstance(self._tls, Certificate):
            context = self._tls.context()
            context.set_alpn_protocols(ALPN if http2 else ALPN[1:])
            return context
        if not self._tls:
            return None
        if self._authority is None:
            own = {socket.gethostname()} if self._host in _EVERY_ADDRESS else {self._host}
            self._authority = TestAuthority(*_LOOPBACK, *sorted(own - {*_LOOPBACK}))
        return self._authority.server_context(http2=http2)
