"""What stands where a secret was: recognisable, numbered, and of a form that clients accept.

Rule: the same secret is the same placeholder wherever it is, and a placeholder is never replaced.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final, Protocol

__all__ = ["PLACEHOLDER", "Judge", "Kind", "Rule", "is_placeholder", "placeholder"]


class Kind(Enum):
    """What a value is good for; the value here is how its placeholder begins."""

    TOKEN = "scrubbed-token"  # noqa: S105 - a name, not a secret
    KEY = "scrubbed-key"
    SIGNATURE = "scrubbed-signature"
    COOKIE = "scrubbed-cookie"
    STATE = "scrubbed-state"
    VALUE = "scrubbed-value"
    PASSWORD = "password"  # noqa: S105 - nor is this
    USER = "user"
    HOST = "host"
    EMAIL = "someone"


_ENDINGS: Final = {Kind.HOST: ".example", Kind.EMAIL: "@example.com"}
#: Any placeholder; group 1 is how it begins, group 2 its number.
PLACEHOLDER: Final = re.compile(
    r"\b(scrubbed-(?:token|key|signature|cookie|state|value)|password|user"
    r"|host(?=-\d+\.example)|someone(?=-\d+@example\.com))-([1-9]\d{0,8})(?!\d)"
    r"(?:(?<=\d)\.example\b|(?<=\d)@example\.com\b)?"
)


def placeholder(kind: Kind, number: int) -> str:
    """Name what stands for a secret."""
    return f"{kind.value}-{number}{_ENDINGS.get(kind, '')}"


def is_placeholder(text: str) -> bool:
    """Say whether a text is a placeholder and nothing else."""
    return PLACEHOLDER.fullmatch(text) is not None


class Rule(Enum):
    """Why a value may not stay, beside its shape; said in findings."""

    CREDENTIALS = "credentials"
    COOKIE = "cookie"
    NAMED = "named secret"
    UNKNOWN = "unknown name"
    SESSION = "session state"
    RANDOM = "random text"
    PEELED = "secret in Base64"
    USER = "user name"
    EMAIL = "e-mail address"
    HOST = "internal host"
    ELSEWHERE = "secret of another place"
    CODING = "unknown content coding"


class Judge(Protocol):
    """Decides about the values that a walk through a cassette comes to."""

    def replace(self, kind: Kind, value: str, place: str, rule: str) -> str:
        """Return what is to stand there instead."""
        ...

    def known(self, text: str, place: str) -> str:
        """Return a text in which every value that was replaced elsewhere is replaced."""
        ...

    def is_internal(self, host: str) -> bool:
        """Say whether a host name isn't for others to know."""
        ...
