"""The blocks that a tar is made of, and the fields in them.

Rule: a block stays the bytes that it is; changing one field leaves the others alone.
Spec: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13 and
https://www.gnu.org/software/tar/manual/html_node/Standard.html
"""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "BLOCK",
    "Records",
    "check",
    "encode_records",
    "field",
    "is_gnu",
    "is_posix",
    "new_header",
    "number",
    "padded",
    "parse_records",
    "text",
    "with_field",
]

BLOCK: Final = tarfile.BLOCKSIZE
#: The fields of a header by name: where each begins and ends.
_FIELDS: Final = {
    "name": (0, 100),
    "mode": (100, 108),
    "uid": (108, 116),
    "gid": (116, 124),
    "size": (124, 136),
    "mtime": (136, 148),
    "checksum": (148, 156),
    "kind": (156, 157),
    "link": (157, 257),
    "magic": (257, 265),
    "prefix": (345, 500),
    # Only in headers of GNU, where others have the prefix and nothing.
    "gnu_times": (345, 369),
    "more_sparse": (482, 483),
    "real_size": (483, 495),
}
_GNU_MAGIC: Final = b"ustar  \0"
_POSIX_MAGIC: Final = b"ustar\0"
_NEGATIVE: Final = 0xFF
_BINARY: Final = (0x80, _NEGATIVE)

#: What a PAX header says, in its order.
Records = tuple[tuple[bytes, bytes], ...]


def field(header: bytes, name: str) -> bytes:
    """Return a field with its padding."""
    start, end = _FIELDS[name]
    return header[start:end]


def text(header: bytes, name: str) -> bytes:
    """Return a field up to its end."""
    return field(header, name).partition(b"\0")[0]


def number(header: bytes, name: str) -> int:
    """Read a field that is a number, octal or in the binary way of GNU.

    Raises:
        ValueError: it is neither.
    """
    raw = field(header, name)
    if raw[0] in _BINARY:
        return int.from_bytes(raw if raw[0] == _NEGATIVE else raw[1:], "big", signed=True)
    digits = raw.partition(b"\0")[0].strip()
    return int(digits, 8) if digits else 0


def is_posix(header: bytes) -> bool:
    """Whether a long name may be divided, and a PAX header may stand before."""
    return field(header, "magic").startswith(_POSIX_MAGIC)


def is_gnu(header: bytes) -> bool:
    """Whether the header is of the older kind of GNU tar."""
    return field(header, "magic") == _GNU_MAGIC


def with_field(header: bytes, name: str, value: bytes) -> bytes:
    """Change a field, and the checksum with it."""
    header = _put(header, name, value)
    return _put(header, "checksum", b"%06o\0 " % _checksum(header))


def _put(header: bytes, name: str, value: bytes) -> bytes:
    start, end = _FIELDS[name]
    return header[:start] + value.ljust(end - start, b"\0") + header[end:]


def _checksum(header: bytes) -> int:
    return sum(_put(header, "checksum", b" " * 8))


def check(header: bytes) -> None:
    """Hold a header against its checksum.

    Raises:
        ValueError: it is no header, or a damaged one.
    """
    wanted = number(header, "checksum")
    if wanted == _checksum(header):
        return
    # Some old programs added the bytes up as signed ones.
    blank = _put(header, "checksum", b" " * 8)
    if wanted != sum(byte - 256 * (byte > 127) for byte in blank):  # noqa: PLR2004
        raise ValueError("its checksum is wrong")


def new_header(kind: bytes, size: int) -> bytes:
    """Make the header of an extension: the same for all, without time or owner."""
    names = {b"x": "././@PaxHeader", b"K": "././@LongLink", b"L": "././@LongLink"}
    info = tarfile.TarInfo(names[kind])
    info.type = kind
    info.size = size
    return info.tobuf(tarfile.USTAR_FORMAT if kind == b"x" else tarfile.GNU_FORMAT)


def padded(content: bytes) -> bytes:
    """Fill up to whole blocks."""
    return content + bytes(-len(content) % BLOCK)


def parse_records(body: bytes) -> Records:
    """Read what a PAX header says.

    Raises:
        ValueError: it is malformed.
    """
    records = []
    position = 0
    while position < len(body) and body[position]:
        length, space, _ = body[position : position + 20].partition(b" ")
        end = position + int(length)
        record = body[position + len(length) + 1 : end]
        key, equals, value = record[:-1].partition(b"=")
        if not (space and equals and key and record.endswith(b"\n")) or end > len(body):
            raise ValueError("it has a malformed PAX record")
        records.append((key, value))
        position = end
    return tuple(records)


def encode_records(records: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Write what a PAX header says."""
    return b"".join(_record(key, value) for key, value in records)


def _record(key: bytes, value: bytes) -> bytes:
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest) + 1
    while len(b"%d" % length) + len(rest) != length:
        length += 1
    return b"%d" % length + rest
