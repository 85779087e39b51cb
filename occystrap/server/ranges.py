"""Ranges of bytes: the Range of a download, and the Content-Range of a chunk of an upload.

Rule: of a download, what can't be understood is ignored, as if it weren't there; what can't be
satisfied is refused, and so is a range that ends before it begins. Several ranges at once aren't
understood. RFC 9110 leaves both to the server.
Spec: https://www.rfc-editor.org/rfc/rfc9110#name-range-requests and
https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-a-blob-in-chunks
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from occystrap.oci.diagnostics import ErrorCode
from occystrap.server.answers import Refusal

__all__ = ["Span", "satisfy"]

_SINGLE: Final = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.IGNORECASE)
_SPAN: Final = re.compile(r"(\d{1,18})-(\d{1,18})", re.ASCII)


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
        return 0, 0
    start = min(int(first), size)
    return start, min(int(last) + 1, size) if last else size


def _last_bytes(count: str, size: int) -> tuple[int, int] | None:
    return (max(size - int(count), 0), size) if count else None


@dataclass(frozen=True, slots=True)
class Span:
    """Where a chunk belongs: from `start` up to `stop`, the first byte behind it."""

    start: int
    stop: int

    @classmethod
    def parse(cls, content_range: str) -> Span:
        """Read a Content-Range of an upload: `first-last`, without a unit.

        Raises:
            Refusal: it is something else.
        """
        match = _SPAN.fullmatch(content_range)
        if match is None or int(match[2]) < int(match[1]):
            raise Refusal(
                ErrorCode.BLOB_UPLOAD_INVALID,
                f"the Content-Range of a chunk is 'first-last', not {content_range[:80]!r}",
            )
        return cls(int(match[1]), int(match[2]) + 1)
