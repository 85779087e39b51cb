"""Certificates for servers that live as long as a test, or as `occystrap registry serve --tls`.

Rule: keys are made when they are first needed, and never outlive the process, however it ends: they
are on no disk.
"""

from __future__ import annotations

import functools
import os
import shutil
import ssl
import tempfile
import threading
import weakref
from pathlib import Path
from typing import Final

from occystrap.server.doors.certificates import Issued, make
from occystrap.server.signals import Handshake

__all__ = ["ALPN", "TestAuthority", "shared_authority"]

#: What a server offers that speaks HTTP/2, the best first.
ALPN: Final = ("h2", "http/1.1")

_NAMES: Final = ("localhost", "127.0.0.1", "::1")


class TestAuthority:
    """An authority that clients can be made to trust, and a certificate for a server.

    The certificate is good for the names and addresses given, or for those of the loopback.

    authority = TestAuthority()
    with serve(Registry(), tls=authority.server_context()) as listener:
        httpx.get(f"{listener.url}/v2/", verify=authority.client_context())
    """

    __test__ = False  # pytest: nothing to collect

    def __init__(self, *names: str) -> None:
        self.names = names or _NAMES
        self._lock = threading.RLock()
        self._made: Path | None = None
        self._issued: Issued | None = None
        self._misfits: dict[Handshake, bytes] = {}

    @property
    def ca_file(self) -> Path:
        """The authority's certificate, as a file that curl and others can be pointed to."""
        return self.cert_dir / "ca.crt"

    @property
    def cert_dir(self) -> Path:
        """A directory with the authority's certificate alone, as skopeo and podman want it."""
        return self._directory / "ca"

    def server_context(self, *, http2: bool = True) -> ssl.SSLContext:
        """Make the context of a server, which offers HTTP/2 or HTTP/1.1 only.

        Raises:
            InvalidOption: there is nothing on this machine that makes certificates.
        """
        return _server_context(self._made_out.certificate, http2=http2)

    def misfit_context(self, kind: Handshake, *, http2: bool = True) -> ssl.SSLContext:
        """Make the context of a server whose certificate has a fault.

        It is the only one, for a client that trusts this authority. `kind` is any but SILENT.

        Raises:
            InvalidOption: nothing on this machine makes certificates of this kind.
        """
        with self._lock:
            if kind not in self._misfits:
                self._misfits[kind] = self._made_out.misfit(kind)
        return _server_context(self._misfits[kind], http2=http2)

    def client_context(self) -> ssl.SSLContext:
        """Make the context of a client that trusts this authority, and no other.

        Raises:
            InvalidOption: there is nothing on this machine that makes certificates.
        """
        return ssl.create_default_context(cafile=self.ca_file)

    @property
    def _made_out(self) -> Issued:
        with self._lock:
            if self._issued is None:
                self._issued = make(self.names)
            return self._issued

    @property
    def _directory(self) -> Path:
        with self._lock:
            if self._made is None:
                authority = self._made_out.authority
                directory = Path(tempfile.mkdtemp(prefix="occystrap-tls-"))
                weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)
                (directory / "ca").mkdir()
                (directory / "ca/ca.crt").write_bytes(authority)
                self._made = directory
            return self._made


@functools.cache
def shared_authority() -> TestAuthority:
    """Return the authority of this process, for servers of the loopback."""
    return TestAuthority()


def _server_context(pem: bytes, *, http2: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    # The ssl module reads nothing but files; this one is in memory.
    with os.fdopen(os.memfd_create("certificate"), "wb", buffering=0) as file:
        file.write(pem)
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
    context.set_alpn_protocols(ALPN if http2 else ALPN[1:])
    return context
