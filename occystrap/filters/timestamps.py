"""`normalize-timestamps`: one time for everything in the layers.

Rule: what was packed at another time, and is the same otherwise, becomes the same bytes. That of
the config and its history stays what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from occystrap.errors import InvalidOption
from occystrap.image.tar_reader import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["NormalizeTimestamps"]

#: The field of a header has eleven octal digits: until the year 2242.
_LIMIT = 8**11


@final
@dataclass(frozen=True, slots=True)
class NormalizeTimestamps:
    """Sets the time of all members, in seconds from 1970; it is its own rewriter."""

    timestamp: int = 0
    learns = False
    wiser = False
    remark = ""

    def __post_init__(self) -> None:
        if not 0 <= self.timestamp < _LIMIT:
            raise InvalidOption(
                f"normalize-timestamps takes seconds from 0 to {_LIMIT - 1}, not {self.timestamp}"
            )

    @property
    def recipe(self) -> tuple[str, Mapping[str, object]]:
        """Return what makes the result."""
        return "normalize-timestamps", {"timestamp": self.timestamp}

    def rewriter(self) -> NormalizeTimestamps:
        """Begin with a layer."""
        return self

    def rewrite(self, entries: Iterator[Entry]) -> Iterator[Entry]:
        """Change the time of those that have another."""
        for entry in entries:
            member = entry.member.with_time(self.timestamp)
            if member == entry.member:
                yield entry
            elif member.header or member.extensions:
                yield Entry(member, entry.blocks)
