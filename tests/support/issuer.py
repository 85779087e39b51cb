"""A small issuer of tokens that Debian's docker-registry trusts: real JWTs, of a key of its own.

Spec: https://distribution.github.io/distribution/spec/auth/jwt/
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from occystrap.oci.challenge import Scope
from occystrap.oci.documents import encode
from occystrap.server.access import basic_credentials, knows_password
from occystrap.server.answers import JSON, content
from occystrap.server.message import Request, Response

__all__ = ["ISSUER", "SERVICE", "Issuer"]

ISSUER = "issuer"
SERVICE = "debian"
_LIFETIME = 300


class Issuer:
    """Gives tokens to the accounts for all that they ask, and to strangers for pulling.

    `bundle` is its certificate, which the registry has to trust.
    """

    def __init__(self, accounts: Mapping[str, str], directory: Path) -> None:
        self._accounts = accounts
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        certificate = _certificate(self._key)
        self.bundle = directory / "issuer.pem"
        self.bundle.write_bytes(certificate.public_bytes(Encoding.PEM))
        self._key_id = _key_id(self._key)

    def handle(self, request: Request) -> Response:
        """Answer who asks for a token."""
        login = basic_credentials(request)
        if login is None and request.headers.get("Authorization") is None:
            return self._give("", request)
        if login is None or not knows_password(self._accounts, *login):
            return content(401, encode({"details": "incorrect login"}), JSON)
        return self._give(login[0], request)

    def _give(self, account: str, request: Request) -> Response:
        scopes = [
            Scope.parse(text)
            for name, value in request.query
            for text in (value.split() if name == "scope" else ())
        ]
        access = [
            {"type": scope.kind, "name": scope.name, "actions": _granted(account, scope)}
            for scope in scopes
        ]
        now = int(time.time())
        said = {"token": self._sign(account, access, now), "expires_in": _LIFETIME}
        issued = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return content(200, encode({**said, "issued_at": issued}), JSON)

    def _sign(self, account: str, access: object, now: int) -> str:
        header = {"typ": "JWT", "alg": "RS256", "kid": self._key_id}
        claims = {
            "iss": ISSUER,
            "sub": account,
            "aud": SERVICE,
            "exp": now + _LIFETIME,
            "nbf": now - 10,
            "iat": now,
            "jti": secrets.token_hex(8),
            "access": access,
        }
        signed = f"{_segment(header)}.{_segment(claims)}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), SHA256())
        return f"{signed}.{_base64(signature)}"


def _granted(account: str, scope: Scope) -> list[str]:
    return [action for action in scope.actions if account or action == "pull"]


def _segment(value: object) -> str:
    return _base64(json.dumps(value).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _key_id(key: rsa.RSAPrivateKey) -> str:
    """Name a key as docker-registry does: base32 of a hash, in groups of four."""
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    text = base64.b32encode(hashlib.sha256(public).digest()[:30]).decode()
    return ":".join(text[start : start + 4] for start in range(0, len(text), 4))


def _certificate(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
