"""How hostile layers are made: by tarfile where it can, else header by header."""

from __future__ import annotations

import struct
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.support.images import Entry, file, layer, special

__all__ = [
    "BLOCK",
    "HARMLESS",
    "OUTSIDE",
    "REFUSED",
    "Hostile",
    "aimed",
    "changed",
    "cut_off",
    "directory",
    "hard",
    "header",
    "link",
    "many",
    "old_sparse",
    "one",
    "padded",
    "pax",
    "raw",
]

REFUSED: Final = "refused"
HARMLESS: Final = "harmless"

#: Where escapes are aimed at: a directory that is there, beside the destination, as `../outside`
#: from there, and with its absolute name.
OUTSIDE: Final = "outside"

BLOCK: Final = 512


@dataclass(frozen=True, slots=True)
class Hostile:
    """A hostile image: what it tries, how that has to end, and its layers, lowest first.

    `layers` gets the absolute name of the directory outside.
    """

    sentence: str
    ends: str
    layers: Callable[[str], tuple[bytes, ...]]


def one(*entries: Entry) -> Callable[[str], tuple[bytes, ...]]:
    """Make an image of one layer."""
    return lambda _outside: (layer(*entries),)


def many(*layers: tuple[Entry, ...]) -> Callable[[str], tuple[bytes, ...]]:
    """Make an image of several layers."""
    return lambda _outside: tuple(layer(*entries) for entries in layers)


def raw(*blocks: bytes) -> Callable[[str], tuple[bytes, ...]]:
    """Make an image of one layer, of blocks."""
    return lambda _outside: (b"".join(blocks) + bytes(2 * BLOCK),)


def aimed(*make: Callable[[str], Entry]) -> Callable[[str], tuple[bytes, ...]]:
    """Make an image of one layer that knows the directory outside."""
    return lambda outside: (layer(*(each(outside) for each in make)),)


def directory(name: str) -> Entry:
    """Make a directory."""
    return special(name, tarfile.DIRTYPE)


def link(name: str, target: str) -> Entry:
    """Make a symbolic link."""
    return special(name, tarfile.SYMTYPE, target)


def hard(name: str, target: str) -> Entry:
    """Make a hard link."""
    return special(name, tarfile.LNKTYPE, target, 0o644)


def header(name: bytes = b"a", size: int = 0, kind: bytes = b"0", **fields: bytes) -> bytes:
    """Make a header byte by byte, with a good checksum."""
    block = bytearray(tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT))
    places = {"mode": 100, "uid": 108, "gid": 116, "mtime": 136, "major": 329}
    block[0:100] = name.ljust(100, b"\0")
    block[124:136] = b"%011o\0" % size
    block[156:157] = kind
    for field, value in fields.items():
        if field == "link":
            block[157:257] = value.ljust(100, b"\0")
        else:
            block[places[field] : places[field] + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(content: bytes) -> bytes:
    """Fill up to whole blocks."""
    return content + bytes(-len(content) % BLOCK)


def pax(*records: tuple[bytes, bytes], kind: bytes = b"x") -> bytes:
    """Make a PAX header."""
    body = b""
    for key, value in records:
        rest = b" " + key + b"=" + value + b"\n"
        length = len(rest) + 1
        while len(b"%d" % length) + len(rest) != length:
            length += 1
        body += b"%d" % length + rest
    return header(b"pax", len(body), kind) + padded(body)


def binary(number: int) -> bytes:
    return b"\x80" + struct.pack(">Q", number).rjust(11, b"\0")


def old_sparse(pairs: list[tuple[int, int]], real: int, content: bytes) -> bytes:
    """Make a sparse file as GNU tar once did; the map has at most four pieces."""
    block = bytearray(header(b"holes", len(content), b"S"))
    for number, (offset, size) in enumerate(pairs):
        start = 386 + 24 * number
        block[start : start + 24] = binary(offset) + binary(size)
    block[483:495] = binary(real)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + padded(content)


def cut_off() -> bytes:
    """Make a layer that ends within a file."""
    whole = layer(file("a", b"x" * 5000))
    return whole[:2000]


def changed(content: bytes, position: int, value: bytes) -> bytes:
    """Put other bytes in the place of some."""
    return content[:position] + value + content[position + len(value) :]
