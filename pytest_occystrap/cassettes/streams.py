"""Secrets in bodies of any size and kind, found as the bytes go by.

Rule: memory is flat. Compressed bytes are looked into, up to a bound; of what is packed inside
(such as archives in a layer) only the bytes are seen.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, final

from occystrap.errors import ImageInputError
from occystrap.image.compression import decompressed, sniff
from occystrap.oci.media_types import Compression
from pytest_occystrap.cassettes.placeholders import Rule
from pytest_occystrap.cassettes.shapes import find_shapes
from pytest_occystrap.cassettes.vault import Lookout

__all__ = ["INFLATED_LIMIT", "Scanner", "scan"]

#: So much is inflated of one body; what comes behind it is not looked at.
INFLATED_LIMIT: Final = 512 * 1024 * 1024
_OVERLAP: Final = 2048
#: Secrets are text. Every third byte tells where text can be: of 16 letters of a token in a row it
#: is five, of 24 of any text eight.
_STRIDE: Final = 3
_TOKENS: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+/=.:@%$~"
)
_WORDS: Final = frozenset(range(0x20, 0x7F)) | frozenset(b"\t\r\n")
#: Tables that make a byte 1 if it may be of a secret, and patterns of as many as there have to be.
_SAMPLES: Final = tuple(
    (bytes(byte in chosen for byte in range(256)), re.compile(b"\x01" * count + b"\x01*"))
    for chosen, count in ((_TOKENS, 5), (_WORDS, 8))
)
_TEXT: Final = re.compile(rb"[\w\-+/=.:@%$~]{16}|[\x20-\x7e\t\r\n]{24}", re.ASCII)
_AROUND: Final = 128


@final
class Scanner:
    """Finds secrets in bytes that are fed to it piece by piece."""

    def __init__(self, known: Lookout) -> None:
        self.found: dict[tuple[str, int], None] = {}
        self._known = known
        self._kept = b""
        self._offset = 0  # of what is kept

    def feed(self, piece: bytes) -> None:
        """Look at one more piece."""
        window = self._kept + piece
        for start, end in _texts_in(window):
            text = window[start:end].decode("latin-1")
            for each in find_shapes(text):
                self.found.setdefault((each.shape.name, self._offset + start + each.start))
            for position in self._known.find(text):
                self.found.setdefault((Rule.ELSEWHERE.value, self._offset + start + position))
        self._kept = window[-_OVERLAP:]
        self._offset += len(window) - len(self._kept)


def _texts_in(window: bytes) -> Iterator[tuple[int, int]]:
    """Find where there is text, with what is around it."""
    sampled = window[::_STRIDE]
    candidates = [
        (match.start() * _STRIDE - _STRIDE, match.end() * _STRIDE + _STRIDE)
        for table, pattern in _SAMPLES
        for match in pattern.finditer(sampled.translate(table))
    ]
    start = end = 0
    for first, last in sorted(candidates):
        if _TEXT.search(window, max(0, first), last) is None:
            continue
        if first - _AROUND > end > 0:
            yield start, min(end, len(window))
            end = 0
        start = start if end else max(0, first - _AROUND)
        end = max(end, last + _AROUND)
    if end:
        yield start, min(end, len(window))


def scan(
    pieces: Iterable[bytes], known: Lookout, limit: int = INFLATED_LIMIT
) -> Iterator[tuple[str, str]]:
    """Find secrets in a body: the rule and the place, as an offset.

    What is compressed is looked at as it is and as it inflates, up to `limit` bytes of that.
    """
    plain, inflated = Scanner(known), Scanner(known)
    source = iter(pieces)
    head = next(source, b"")
    plain.feed(head)
    if sniff(head[:4]) is not Compression.NONE:
        _inflate(chain([head], _watched(source, plain)), inflated, limit)
    for piece in source:
        plain.feed(piece)
    for rule, offset in plain.found:
        yield rule, f"byte {offset}"
    for rule, offset in inflated.found:
        yield rule, f"byte {offset} of what it inflates to"


def _watched(pieces: Iterator[bytes], scanner: Scanner) -> Iterator[bytes]:
    for piece in pieces:
        scanner.feed(piece)
        yield piece


def _inflate(pieces: Iterator[bytes], scanner: Scanner, limit: int) -> None:
    size = 0
    # A piece of something, or damaged: what could be read was looked at.
    with contextlib.suppress(ImageInputError):
        for piece in decompressed(pieces):
            scanner.feed(piece)
            size += len(piece)
            if size >= limit:
                return
