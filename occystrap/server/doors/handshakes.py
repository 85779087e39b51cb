"""Handshakes of TLS that fail: in memory for a client in process, and in silence on a socket.

Rule: what a certificate is refused for is found out by OpenSSL, which is shown such a certificate.
Spec: https://www.rfc-editor.org/rfc/rfc8446#section-4.4.2
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from typing import Final

from occystrap.errors import InvalidOption
from occystrap.server.doors.tls import TestAuthority, shared_authority
from occystrap.server.signals import Handshake

__all__ = ["be_silent", "refusal"]

_RECEIVE: Final = 256 * 1024


def refusal(
    kind: Handshake, host: str, authority: TestAuthority | None = None
) -> ssl.SSLCertVerificationError:
    """Return why a client of this authority (`shared_authority`) refuses a server called `host`.

    Raises:
        InvalidOption: nothing on this machine makes certificates of this kind for this host.
    """
    trusted = authority or shared_authority()
    # Names are looked at before dates: for all other kinds they are to fit.
    name = host if kind is Handshake.WRONG_NAME else trusted.names[0]
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusted.client_context().wrap_bio(to_client, to_server, server_hostname=name)
    server = trusted.misfit_context(kind).wrap_bio(to_server, to_client, server_side=True)
    try:
        for side in (client, server, client):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    except ssl.SSLCertVerificationError as error:
        return error
    raise InvalidOption(f"{host} is the name in the certificate that was to have another one")


def be_silent(connection: socket.socket, seconds: float) -> None:
    """Take what the client says and say nothing, until time is up or the client is gone."""
    deadline = time.monotonic() + seconds
    with contextlib.suppress(TimeoutError):
        while (left := deadline - time.monotonic()) > 0:
            connection.settimeout(left)
            if not connection.recv(_RECEIVE):
                return
