"""Authorities and the certificates that they sign: by trustme, or else by the program openssl.

Rule: nothing here is kept; tls.py does that.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from occystrap.errors import InvalidOption
from occystrap.server.signals import Handshake

if TYPE_CHECKING:
    import trustme

__all__ = ["Issued", "make"]

_DAYS: Final = "365"
_ANOTHER_NAME: Final = "another-host.invalid"
_LONG_AGO: Final = dt.datetime(2010, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Issued:
    """An authority, and what it has made for a server: certificate and key, all of it PEM.

    `misfit` makes certificates that clients of this authority refuse.
    """

    authority: bytes
    certificate: bytes
    misfit: Callable[[Handshake], bytes]


def make(names: tuple[str, ...]) -> Issued:
    """Make an authority, and a certificate for a server of these names and addresses.

    Raises:
        InvalidOption: there is nothing on this machine that makes certificates.
    """
    try:
        import trustme  # noqa: PLC0415 - it may not be there
    except ImportError:
        return _make_with_openssl(names)
    authority = trustme.CA()
    issued = authority.issue_cert(*names)
    return Issued(
        authority.cert_pem.bytes(),
        issued.private_key_and_cert_chain_pem.bytes(),
        lambda kind: _misfit(authority, names, kind),
    )


def _misfit(authority: trustme.CA, names: tuple[str, ...], kind: Handshake) -> bytes:
    if kind is Handshake.UNKNOWN_AUTHORITY:
        return make(names).certificate
    if kind is Handshake.WRONG_NAME:
        issued = authority.issue_cert(_ANOTHER_NAME)
    else:
        issued = authority.issue_cert(*names, not_after=_LONG_AGO)
    return issued.private_key_and_cert_chain_pem.bytes()


def _make_with_openssl(names: tuple[str, ...]) -> Issued:
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
        return Issued(
            public, key.read_bytes() + public, lambda kind: _misfit_of_openssl(names, kind)
        )


def _misfit_of_openssl(names: tuple[str, ...], kind: Handshake) -> bytes:
    if kind is Handshake.UNKNOWN_AUTHORITY:
        return _make_with_openssl(names).certificate
    raise InvalidOption(
        f"can't make a certificate with this fault: {kind.value}; the package trustme can"
        " (pip install 'occystrap[pytest]')"
    )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
