"""Texts that are sent compressed: looked into, and compressed again if they had to change.

Rule: compressing the same text gives the same bytes.
Spec: https://www.rfc-editor.org/rfc/rfc9110#section-8.4
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Mapping
from typing import Final

import zstandard

__all__ = ["TEXT_LIMIT", "decode", "encode", "is_known"]

#: Larger bodies are no texts that anyone would change, sent or unpacked.
TEXT_LIMIT: Final = 8 * 1024 * 1024
_CODINGS: Final = ("gzip", "x-gzip", "deflate", "zstd")


def _inflated(content: bytes, window: int) -> bytes:
    inflater = zlib.decompressobj(window)
    return inflater.decompress(content, TEXT_LIMIT)


def _undeflated(content: bytes) -> bytes:
    try:
        return _inflated(content, zlib.MAX_WBITS)
    except zlib.error:  # as some servers understand the word
        return _inflated(content, -zlib.MAX_WBITS)


def _unpacked(content: bytes) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(content) as reader:
        return bytes(reader.read(TEXT_LIMIT))


_DECODE: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "gzip": lambda content: _inflated(content, zlib.MAX_WBITS | 16),
    "x-gzip": lambda content: _inflated(content, zlib.MAX_WBITS | 16),
    "deflate": _undeflated,
    "zstd": _unpacked,
}
_ENCODE: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "gzip": lambda content: gzip.compress(content, mtime=0),
    "x-gzip": lambda content: gzip.compress(content, mtime=0),
    "deflate": zlib.compress,
    "zstd": lambda content: zstandard.ZstdCompressor().compress(content),
}


def is_known(coding: str) -> bool:
    """Say whether a coding can be undone here."""
    return coding in ("", "identity", *_CODINGS)


def decode(content: bytes, coding: str) -> str | None:
    """Return the text of a body; None if it is no text, or damaged."""
    try:
        plain = _DECODE[coding](content) if coding in _DECODE else content
        return plain.decode()
    except (UnicodeDecodeError, zlib.error, zstandard.ZstdError, EOFError):
        return None


def encode(text: str, coding: str) -> bytes:
    """Return the bytes of a body."""
    content = text.encode()
    return _ENCODE[coding](content) if coding in _ENCODE else content
