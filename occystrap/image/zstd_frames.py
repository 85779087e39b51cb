"""Zstd, a block at a time.

Rule: a block in, at most 128 KiB out. The library by itself expands a small piece of a bomb into
gigabytes at once, or takes data that is cut off for data that is at its end; walking the frames
cures both.
Spec: https://www.rfc-editor.org/rfc/rfc8878#section-3.1
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import zstandard

from occystrap.image.chunk_reader import ChunkReader

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["expand_zstd", "starts_zstd"]

_FRAME: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = b"\x2a\x4d\x18"
_SKIPPABLE_FIRST: Final = range(0x50, 0x60)

# The frame header descriptor (section 3.1.1.1.1), and what it says about the fields that follow.
_CHECKSUM: Final = 0b100
_SINGLE_SEGMENT: Final = 0b100000
_DICTIONARY_SIZES: Final = (0, 1, 2, 4)
_CONTENT_SIZES: Final = (0, 2, 4, 8)

_REPEATED_BYTE: Final = 1
_BLOCK_HEADER: Final = 3


def starts_zstd(head: bytes) -> bool:
    """Say whether bytes that begin like this are zstd: a frame, or one to skip."""
    return head.startswith(_FRAME) or _starts_skippable(head)


def _starts_skippable(head: bytes) -> bool:
    return head[1:4] == _SKIPPABLE and head[0] in _SKIPPABLE_FIRST


def expand_zstd(source: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress all frames.

    Raises:
        EOFError: the data ends inside a frame.
        ZstdError: the data is damaged, or wants more memory than libzstd's limit of 128 MiB.
    """
    reader = ChunkReader(source)
    context = zstandard.ZstdDecompressor()
    while magic := reader.take_some(len(_FRAME)):
        if _starts_skippable(magic):
            reader.skip(int.from_bytes(reader.take(4), "little"))
        elif magic == _FRAME:
            frame = context.decompressobj()
            for piece in _pieces(reader):
                if expanded := frame.decompress(piece):
                    yield expanded
        else:
            raise zstandard.ZstdError(f"what follows a frame is none: {magic!r}")


def _pieces(reader: ChunkReader) -> Iterator[bytes]:
    """Cut the frame whose magic number was just read at the borders of its blocks."""
    descriptor = reader.take(1)
    flags = descriptor[0]
    single = bool(flags & _SINGLE_SEGMENT)
    window = 0 if single else 1
    content_size = _CONTENT_SIZES[flags >> 6] or int(single)
    fields = reader.take(window + _DICTIONARY_SIZES[flags & 0b11] + content_size)
    yield _FRAME + descriptor + fields
    last = False
    while not last:
        header = reader.take(_BLOCK_HEADER)
        bits = int.from_bytes(header, "little")
        last = bool(bits & 1)
        repeated = (bits >> 1) & 0b11 == _REPEATED_BYTE
        yield header + reader.take(1 if repeated else bits >> 3)
    if flags & _CHECKSUM:
        yield reader.take(4)
