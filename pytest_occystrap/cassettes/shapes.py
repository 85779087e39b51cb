"""Secrets that are known by their shape, whatever is around them.

Rule: what documentation uses as an example is none, and neither is a placeholder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_occystrap.cassettes.placeholders import PLACEHOLDER
from pytest_occystrap.cassettes.shape_table import SHAPES, Shape

__all__ = ["Found", "find_shapes"]

#: What has no other anchor is as long as this, all capitals and digits.
_CAPITALS: Final = re.compile(r"[A-Z0-9]{40}")


@dataclass(frozen=True, slots=True)
class Found:
    """A secret in a text: from `start` to `end`."""

    start: int
    end: int
    shape: Shape


#: So much around an anchor is looked at; keys in PEM are the longest.
_BEFORE: Final = 256
_BEHIND: Final = 16 * 1024


def find_shapes(text: str) -> Iterator[Found]:
    """Find secrets by their shape, shape by shape; placeholders are none."""
    for shape in SHAPES:
        for start, end in _around(text, shape.anchors):
            for match in shape.pattern.finditer(text, start, end):
                group = next((n for n in range(match.re.groups, 0, -1) if match[n]), 0)
                value = match[group]
                if not PLACEHOLDER.fullmatch(value) and shape.holds(value):
                    yield Found(match.start(group), match.end(group), shape)


def _around(text: str, anchors: tuple[str, ...]) -> list[tuple[int, int]]:
    """Find where a shape may be: looking for words is quick, looking for patterns isn't."""
    positions = sorted(position for anchor in anchors for position in _each(text, anchor))
    found: list[tuple[int, int]] = []
    for position in positions:
        start, end = max(0, position - _BEFORE), position + _BEHIND
        if found and start <= found[-1][1]:
            start = found.pop()[0]
        found.append((start, end))
    return found


def _each(text: str, anchor: str) -> Iterator[int]:
    if not anchor:
        yield from (match.start() for match in _CAPITALS.finditer(text))
        return
    position = text.find(anchor)
    while position >= 0:
        yield position
        position = text.find(anchor, position + len(anchor))
