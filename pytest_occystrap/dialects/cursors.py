"""Cursors that only the registry can read: they look like Fernet tokens, and age like them.

Rule: what can't be read is no cursor; nobody is told why.
Spec: https://github.com/fernet/spec/blob/master/Spec.md, of which they have version and time
"""

from __future__ import annotations

import base64
import binascii
import struct
from typing import Final

__all__ = ["opened", "seal"]

_VERSION: Final = 0x80
_HEAD: Final = struct.Struct(">BQ")
_LIFETIME: Final = 2 * 24 * 3600


def seal(text: str, now: float) -> str:
    """Write a cursor; the time is in seconds since 1970."""
    return base64.urlsafe_b64encode(_HEAD.pack(_VERSION, int(now)) + text.encode()).decode()


def opened(cursor: str, now: float) -> str | None:
    """Read a cursor of the last two days; None for everything else."""
    try:
        raw = base64.urlsafe_b64decode(cursor)
        version, made = _HEAD.unpack_from(raw)
        text = raw[_HEAD.size :].decode()
    except (binascii.Error, struct.error, ValueError):
        return None
    return text if version == _VERSION and now - made <= _LIFETIME else None
