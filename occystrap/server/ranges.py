"""The Range header of a download.

Rule: what can't be understood is ignored, as if it weren't there; what can't be satisfied is
refused. Several ranges at once aren't understood, which RFC 9110 leaves to the server.
Spec: https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["satisfy"]

_SINGLE: Final = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.IGNORECASE)


def satisfy(header: str | None, size: int) -> tuple[int, int] | None:
    """Work out which bytes are asked for, from the first up to the one behind the last.

    None when all of them are; the two are equal when there are no such bytes.
    """
    match = None if header is None else _SINGLE.fullmatch(header)
    if match is None:
        return None
    first, last = match.groups()
    if not first:
        return _last_bytes(last, size)
    if last and int(last) < int(first):
        return None
    start = min(int(first), size)
    return start, min(int(last) + 1, size) if last else size


def _last_bytes(count: str, size: int) -> tuple[int, int] | None:
    return (max(size - int(count), 0), size) if count else None
