"""Certificates for servers that live as long as a test, or as `occystrap registry serve --tls`.

Rule: keys are made when they are first needed, and never outlive the process.
"""

from __future__ import annotations

import functools
import ipaddress
import shutil
import ssl
import subprocess
import tempfile
import threading
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from occystrap.errors import InvalidOption

__all__ = ["ALPN", "TestAuthority", "shared_authority"]

#: What a server offers that speaks HTTP/2, the best first.
ALPN: Final = ("h2", "http/1.1")

_NAMES: Final = ("localhost", "127.0.0.1", "::1")
_DAYS: Final = "365"


@dataclass(frozen=True, slots=True)
class _Pem:
    """An authority, and what it has made for a server: certificate and key."""

    authority: bytes
    certificate: bytes


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
        self._lock = threading.Lock()
        self._made: Path | None = None

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
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self._directory / "server.pem")
        context.set_alpn_protocols(ALPN if http2 else ALPN[1:])
        return context

    def client_context(self) -> ssl.SSLContext:
        """Make the context of a client that trusts this authority, and no other.

        Raises:
            InvalidOption: there is nothing on this machine that makes certificates.
        """
        return ssl.create_default_context(cafile=self.ca_file)

    @property
    def _directory(self) -> Path:
        with self._lock:
            if self._made is None:
                pem = _make(self.names)
                directory = Path(tempfile.mkdtemp(prefix="occystrap-tls-"))
                weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)
                (directory / "ca").mkdir()
                (directory / "ca/ca.crt").write_bytes(pem.authority)
                (directory / "server.pem").write_bytes(pem.certificate)
                self._made = directory
            return self._made


@functools.cache
def shared_authority() -> TestAuthority:
    """Return the authority of this process, for servers of the loopback."""
    return TestAuthority()


def _make(names: tuple[str, ...]) -> _Pem:
    try:
        import trustme  # noqa: PLC0415 - it may not be there
    except ImportError:
        return _make_with_openssl(names)
    authority = trustme.CA()
    issued = authority.issue_cert(*names)
    return _Pem(authority.cert_pem.bytes(), issued.private_key_and_cert_chain_pem.bytes())


def _make_with_openssl(names: tuple[str, ...]) -> _Pem:
    """Make a certificate that is its own authority."""
    program = shutil.which("openssl")
    if program is None:
        raise InvalidOption(
            "can't make a certificate: there is neither the package trustme (pip install"
            " 'occystrap[pytest]') nor the program openssl; bring a certificate of your own"
        )
    subject = ",".join(f"{'IP' if _is_address(name) else 'DNS'}:{name}" for name in names)
    with tempfile.TemporaryDirectory(prefix="occystrap-openssl-") as directory:
        certificate, key = Path(directory) / "certificate", Path(directory) / "key"
        command = [program, "req", "-x509", "-days", _DAYS, "-nodes", "-newkey", "ec"]
        command += ["-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=occystrap"]
        command += ["-addext", f"subjectAltName={subject}"]
        command += ["-keyout", str(key), "-out", str(certificate)]
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            raise InvalidOption(f"openssl can't make a certificate: {said}")
        public = certificate.read_bytes()
        return _Pem(public, key.read_bytes() + public)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
