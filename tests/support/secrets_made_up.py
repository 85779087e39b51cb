"""Secrets that nobody has, made by dice: what a scan for secrets would take for real ones.

Rule: none is written down here, so that no scan finds any in this file.
"""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable, Mapping
from random import Random
from typing import Final

__all__ = ["PASSWORDS", "RANDOM", "SHAPED", "Make"]

Make = Callable[[Random], str]

_LETTERS: Final = string.ascii_letters + string.digits
_CAPITALS: Final = string.ascii_uppercase + string.digits
_HEX: Final = "0123456789abcdef"
_URL_SAFE: Final = _LETTERS + "-_"
_BASE64: Final = _LETTERS + "+/"


def _of(alphabet: str, length: int, before: str = "", behind: str = "") -> Make:
    def make(dice: Random) -> str:
        middle = "".join(dice.choices(alphabet, k=length))
        return before + middle + behind

    return make


def _json_part(dice: Random, document: object) -> str:
    salted = {"jti": _of(_HEX, 32)(dice), "claims": document}
    return base64.urlsafe_b64encode(json.dumps(salted).encode()).decode().rstrip("=")


def _jwt(dice: Random) -> str:
    head, claims = {"alg": "RS256", "typ": "JWT"}, {"sub": "someone", "aud": "registry"}
    return f"{_json_part(dice, head)}.{_json_part(dice, claims)}.{_of(_URL_SAFE, 342)(dice)}"


def _pem(kind: str) -> Make:
    def make(dice: Random) -> str:
        lines = [_of(_BASE64, 64)(dice) for _ in range(12)]
        edge = "PRIVATE KEY-----"
        return "\n".join([f"-----BEGIN {kind}{edge}", *lines, f"-----END {kind}{edge}"])

    return make


#: Known by their shape, wherever they are.
SHAPED: Final[Mapping[str, Make]] = {
    "jwt": _jwt,
    "github-classic": _of(_LETTERS, 36, "ghp" + "_"),
    "github-app": _of(_LETTERS, 36, "ghs" + "_"),
    "github-oauth": _of(_LETTERS, 36, "gho" + "_"),
    "github-fine": _of(_LETTERS, 59, "github" + "_pat_" + "11ABCDEFG0" + "x" * 12 + "_"),
    "gitlab": _of(_URL_SAFE, 20, "glpat" + "-"),
    "gitlab-deploy": _of(_URL_SAFE, 20, "gldt" + "-"),
    "docker-pat": _of(_URL_SAFE, 27, "dckr" + "_pat_"),
    "docker-oat": _of(_URL_SAFE, 32, "dckr" + "_oat_"),
    "npm": _of(_LETTERS, 36, "npm" + "_"),
    "pypi": _of(_URL_SAFE, 150, "pypi" + "-AgE" + "IcHlwaS5vcmc"),
    "aws-key": _of(_CAPITALS, 16, "AKI" + "A"),
    "aws-temporary-key": _of(_CAPITALS, 16, "ASI" + "A"),
    "aws-session": _of(_BASE64, 360, "FwoG" + "ZXIvYXdzE", "=="),
    "google-api": _of(_URL_SAFE, 35, "AIz" + "a"),
    "google-oauth": _of(_URL_SAFE, 120, "ya29" + ".a0"),
    "google-client": _of(_URL_SAFE, 28, "GOCSPX" + "-"),
    "azure-client": _of(_LETTERS, 31, "abc" + "8Q" + "~"),
    "azure-registry": _of(_LETTERS, 42, "", "+ACR" + "ab12CD"),
    "slack": _of(_LETTERS, 24, "xox" + "b-123456789012-1234567890123-"),
    "stripe": _of(_LETTERS, 24, "sk" + "_live_"),
    "artifactory": _of(_LETTERS, 69, "AKC" + "p"),
    "sendgrid": _of(_URL_SAFE, 43, "SG" + ".ngeVfQFYQlKU0ufo8x5d1A."),
    "hugging-face": _of(_LETTERS, 34, "hf" + "_"),
    "vault": _of(_LETTERS, 95, "hvs" + "."),
    "digital-ocean": _of(_HEX, 64, "dop" + "_v1_"),
    "databricks": _of(_HEX, 32, "da" + "pi"),
    "fernet": _of(_URL_SAFE, 120, "gAAAA" + "A"),
    "quay-robot": _of(_CAPITALS, 64),
    "quay-application": _of(_CAPITALS, 40),
    "rsa-key": _pem("RSA "),
    "openssh-key": _pem("OPENSSH "),
    "pkcs8-key": _pem(""),
    "age-key": _of(_CAPITALS, 58, "AGE" + "-SECRET-KEY-1"),
}
#: Random, and nothing else is known of them.
RANDOM: Final[Mapping[str, Make]] = {
    "base64url-43": _of(_URL_SAFE, 43),
    "base64-40": _of(_BASE64, 40),
    "base64-88": _of(_BASE64, 86, "", "=="),
    "letters-32": _of(_LETTERS, 32),
    "letters-24": _of(_LETTERS, 24),
    "base36-40": _of(string.ascii_lowercase + string.digits, 40),
    "hex-40": _of(_HEX, 40),
    "hex-64": _of(_HEX, 64),
}
#: As people and password managers make them; only their place tells what they are.
PASSWORDS: Final[Mapping[str, Make]] = {
    "word-and-number": _of(string.ascii_lowercase, 9, "Sommer", "2026!"),
    "manager-16": _of(_LETTERS + "!%&*+?#", 16),
    "short-8": _of(_LETTERS, 8),
    "words": _of(string.ascii_lowercase, 12, "correct horse ", " staple"),
}
