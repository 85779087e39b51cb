"""Certificates of an authority that exists for one test, in files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import trustme

__all__ = ["Authority", "Certificate"]


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its chain, and its key; both PEM."""

    file: Path
    key: Path


class Authority:
    """An authority that nobody trusts who isn't told of `file`."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._directory = directory
        self._authority = trustme.CA()
        self.file = directory / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.file))

    def issue(self, name: str, *, not_after: datetime | None = None) -> Certificate:
        """Certify a host name or an address, or a client."""
        issued = self._authority.issue_cert(name, not_after=not_after)
        certificate = Certificate(
            self._directory / f"{name}.pem", self._directory / f"{name}.key.pem"
        )
        issued.private_key_pem.write_to_path(str(certificate.key))
        for blob in issued.cert_chain_pems:
            blob.write_to_path(str(certificate.file), append=True)
        return certificate
