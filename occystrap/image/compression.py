"""Compressed bytes made plain, and plain bytes compressed, on the way.

Rule: how bytes are compressed is read off the bytes, never off a media type. One step gives a
bounded number of bytes, whatever a bomb promises, and damage is an `ImageInputError` that says
what is wrong. Compressing the same bytes gives the same bytes, however they were cut.
Spec: RFC 1952 (gzip) and RFC 8878 (zstd).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain
from typing import Final, Protocol, cast

import zstandard
from isal import igzip_lib, isal_zlib

from occystrap.errors import ImageInputError, InvalidOption
from occystrap.image.zstd_frames import expand_zstd, starts_zstd
from occystrap.oci.media_types import Compression

__all__ = ["compressed", "decompressed", "sniff"]

#: The most that one step of gzip gives.
_STEP: Final = 256 * 1024
#: What the compressors are fed at a time. ISA-L's output depends on it, and with it the digest of
#: every layer that was ever pushed.
_FEED: Final = 256 * 1024
#: ISA-L loses its place in a gzip header of several fields that comes in two pieces (1.7 to 1.9 at
#: least), so a header comes in one: its largest part, the extra field, has up to 64 KiB.
_GZIP_HEADER_ROOM: Final = 68 * 1024
_MAGIC_LENGTH: Final = 4

_GZIP_LEVEL: Final = 2
_ZSTD_LEVEL: Final = 3
#: ISA-L is asked up to here. Its level 3 writes other bytes on other processors (with AVX2, AVX-512
#: or neither); zlib is slower by far, and smaller.
_ISAL_HIGHEST: Final = 2
#: The levels that there are; zstd has faster ones below its first.
_LEVELS: Final = {Compression.GZIP: range(10), Compression.ZSTD: range(-7, 23)}


def sniff(head: bytes) -> Compression:
    """Say how bytes are compressed that begin like this; four tell.

    A tar begins with the name of its first member. A name in UTF-8 can't begin like gzip
    (`1f 8b`) or a zstd frame (`28 b5`): the second byte would have to continue a character that
    the first doesn't start. For the few names in other encodings that could, every container tool
    errs the same way.
    """
    if head.startswith(b"\x1f\x8b"):
        return Compression.GZIP
    return Compression.ZSTD if starts_zstd(head) else Compression.NONE


def decompressed(chunks: Iterable[bytes], what: str = "the layer") -> Iterator[bytes]:
    """Pass plain bytes on, and decompress gzip and zstd; `what` names them in errors.

    Several gzip members or zstd frames count as one stream. All chunks are read, also after an
    error in what they hold, so that a source that verifies itself has the first word on damage.
    Closing the result closes the source.

    Raises:
        ImageInputError: the compressed data is cut off or damaged.
    """
    source = iter(chunks)
    try:
        head = b""
        while len(head) < _MAGIC_LENGTH and (chunk := next(source, None)) is not None:
            head += chunk
        compression = sniff(head)
        try:
            yield from _EXPAND[compression](chain((head,), source))
        except _DAMAGE as error:
            for _ in source:
                pass
            message = f"the {compression.value} data of {what} is damaged: {error}"
            raise ImageInputError(message) from error
    finally:
        if isinstance(source, Generator):
            source.close()


#: What the decompressors raise, and nothing else does. (The types of isal call IsalError a value.)
_DAMAGE: Final = (
    EOFError,
    cast("type[Exception]", igzip_lib.IsalError),
    zstandard.ZstdError,
)


def _plain(source: Iterator[bytes]) -> Iterator[bytes]:
    return filter(None, source)


def _expand_gzip(source: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    member_start = _gather_header(b"", source)
    while member_start:
        member = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        chunk: bytes | None = member_start
        while True:
            if chunk is None:
                raise EOFError(f"it ends in the middle, after {size} decompressed bytes")
            if expanded := member.decompress(chunk, _STEP):
                size += len(expanded)
                yield expanded
            if member.eof:
                break
            chunk = next(source, None) if member.needs_input else b""
        member_start = _gather_header(member.unused_data, source)


def _gather_header(rest: bytes, source: Iterator[bytes]) -> bytes:
    """Take what follows a gzip member, in a piece that holds a whole header; zeros are padding."""
    gathered = bytearray(rest.lstrip(b"\0"))
    while len(gathered) < _GZIP_HEADER_ROOM and (chunk := next(source, None)) is not None:
        gathered += chunk if gathered else chunk.lstrip(b"\0")
    return bytes(gathered)


_EXPAND: Final[dict[Compression, Callable[[Iterator[bytes]], Iterator[bytes]]]] = {
    Compression.NONE: _plain,
    Compression.GZIP: _expand_gzip,
    Compression.ZSTD: expand_zstd,
}


class _Compressor(Protocol):
    def compress(self, data: bytes | bytearray, /) -> bytes: ...
    def flush(self) -> bytes: ...


def compressed(
    chunks: Iterable[bytes], compression: Compression, level: int | None = None
) -> Iterator[bytes]:
    """Compress: the same bytes give the same bytes, without time or name.

    Levels of gzip: up to 2 are fast (2 by default, 12 % larger than zlib's 6 at 17 times its
    speed), 3 to 9 are zlib's. Levels of zstd are its own, 3 by default.

    Raises:
        InvalidOption: there is no such level.
    """
    source = iter(chunks)
    try:
        if compression is Compression.NONE:
            yield from _plain(source)
            return
        levels = _LEVELS[compression]
        if level is not None and level not in levels:
            raise InvalidOption(
                f"{compression.value} has levels from {levels[0]} to {levels[-1]}, not {level}"
            )
        compressor = _COMPRESSORS[compression](level)
        for piece in _even(source):
            if shrunk := compressor.compress(piece):
                yield shrunk
        yield compressor.flush()
    finally:
        if isinstance(source, Generator):
            source.close()


def _even(source: Iterator[bytes]) -> Iterator[bytes | bytearray]:
    """Cut the bytes evenly; those that come so are passed on as they are."""
    rest = bytearray()
    for chunk in source:
        if not rest and len(chunk) == _FEED:
            yield chunk
            continue
        rest += chunk
        while len(rest) >= _FEED:
            yield rest[:_FEED]
            del rest[:_FEED]
    if rest:
        yield rest


def _gzip_compressor(level: int | None) -> _Compressor:
    level = _GZIP_LEVEL if level is None else level
    make = isal_zlib.compressobj if level <= _ISAL_HIGHEST else zlib.compressobj
    return make(level, wbits=16 + zlib.MAX_WBITS)


def _zstd_compressor(level: int | None) -> _Compressor:
    level = _ZSTD_LEVEL if level is None else level
    return zstandard.ZstdCompressor(level=level, write_checksum=True).compressobj()


_COMPRESSORS: Final[dict[Compression, Callable[[int | None], _Compressor]]] = {
    Compression.GZIP: _gzip_compressor,
    Compression.ZSTD: _zstd_compressor,
}
