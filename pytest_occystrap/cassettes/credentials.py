"""Whether what has the shape of a secret is one, and no example or placeholder."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final
from urllib.parse import unquote

from pytest_occystrap.cassettes.placeholders import is_placeholder
from pytest_occystrap.cassettes.randomness import looks_random, mixed

__all__ = [
    "always",
    "decoded_pair",
    "is_bearer",
    "is_pair",
    "is_password",
    "is_quay",
    "looks_so",
]


def always(value: str) -> bool:  # noqa: ARG001 - the shape says it all
    """Take whatever has the shape."""
    return True


def looks_so(value: str) -> bool:
    """Take what looks random."""
    return mixed(value) and looks_random(value)


def decoded_pair(value: str) -> tuple[str, str] | None:
    """Decode the user and the password of Basic; None if it holds none."""
    padded = value.strip().rstrip("=")
    try:
        padded = padded.replace("-", "+").replace("_", "/")
        raw = base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True)
        user, colon, password = raw.decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (user, password) if colon and (user + password).isprintable() else None


def is_pair(value: str) -> bool:
    """Take it for a login unless it is one of placeholders, as those of scrubbed cassettes are."""
    pair = None if len(value) % 4 or value in _WELL_KNOWN else decoded_pair(value)
    return pair is not None and all(pair) and not is_placeholder(pair[1])


#: Passwords that only show where one would be.
_EXAMPLES: Final = re.compile(
    r"(?:my|your|the|some)?[-_.]?(?:pass(?:w(?:or)?d|wd)?|pwd|pw|secret|token|x+|\*+|\.+|foo|bar)"
    r"[-_.]?\d{0,4}|[$%{<\[(].*|.*[}>)\]$]",
    re.IGNORECASE,
)
#: Of RFC 7617, and of the Go library for Kubernetes, which is in every other program.
_WELL_KNOWN: Final = (
    "QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    "dGhpcyBpcyBhIGZha2UgYmVhcmVyIHRva2VuIQ==",
)
_LEAST_PASSWORD: Final = 8


def is_password(value: str) -> bool:
    """Take what may be a password, and no example of one."""
    plain = unquote(value)
    if len(plain) < _LEAST_PASSWORD or not mixed(plain):
        return False
    return not _EXAMPLES.fullmatch(plain) and not is_placeholder(plain)


def is_bearer(value: str) -> bool:
    """Take what looks random, and is no well-known example."""
    return mixed(value) and looks_random(value.replace(".", "x")) and value not in _WELL_KNOWN


def is_quay(value: str) -> bool:
    """Tell it from digits, and from a fingerprint."""
    letters = sum(each.isalpha() for each in value)
    return looks_so(value) and letters * 2 > len(value) and re.search("[G-Z]", value) is not None
