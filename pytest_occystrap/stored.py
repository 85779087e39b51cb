"""Gzip and zstd that are the same everywhere, because nothing is compressed.

Rule: compressors choose by version, build and processor what they write, and a digest taken of that
would hold on one machine only. These frames hold the bytes as they are, which every decompressor
reads.
Spec: RFC 1951 section 3.2.4 and RFC 1952 (gzip), RFC 8878 section 3.1.1 (zstd).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from occystrap.oci.media_types import Compression

__all__ = ["stored"]

#: No name, no time, unknown system.
_GZIP_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_GZIP_BLOCK: Final = 65535
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
#: The content's size follows in eight bytes, behind a window of 128 KiB; no checksum.
_ZSTD_DESCRIPTOR: Final = b"\xc0\x38"
_ZSTD_BLOCK: Final = 128 * 1024


def stored(content: bytes, compression: Compression) -> bytes:
    """Wrap bytes in the format of a compression."""
    return _WRAP[compression](content)


def _gzip(content: bytes) -> bytes:
    pieces = [_GZIP_HEADER]
    for is_last, block in _blocks(content, _GZIP_BLOCK):
        pieces += struct.pack("<BHH", is_last, len(block), len(block) ^ 0xFFFF), block
    trailer = struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)
    return b"".join((*pieces, trailer))


def _zstd(content: bytes) -> bytes:
    pieces = [_ZSTD_MAGIC, _ZSTD_DESCRIPTOR, struct.pack("<Q", len(content))]
    for is_last, block in _blocks(content, _ZSTD_BLOCK):
        header = is_last | len(block) << 3
        pieces += header.to_bytes(3, "little"), block
    return b"".join(pieces)


def _plain(content: bytes) -> bytes:
    return content


_WRAP: Final = {Compression.NONE: _plain, Compression.GZIP: _gzip, Compression.ZSTD: _zstd}


def _blocks(content: bytes, size: int) -> Iterator[tuple[bool, bytes]]:
    """Cut into blocks, of which the last is marked; there is at least one."""
    for start in range(0, max(len(content), 1), size):
        yield start + size >= len(content), content[start : start + size]
