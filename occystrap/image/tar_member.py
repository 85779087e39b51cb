"""A member of a tar: its header and all that stands before it and belongs to it.

Rule: what isn't changed stays byte for byte, known to this program or not: attributes, owners,
the maps of sparse files, whichever dialect of tar they are written in.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from typing import Final, final

from occystrap.image.tar_blocks import (
    BLOCK,
    Records,
    encode_records,
    field,
    is_gnu,
    is_posix,
    new_header,
    number,
    padded,
    parse_records,
    text,
    with_field,
)

__all__ = ["DIRECTORY", "EXTENSIONS", "GLOBAL", "HARD_LINK", "Extension", "Member", "normal_path"]

HARD_LINK: Final = b"1"
SYMBOLIC_LINK: Final = b"2"
DIRECTORY: Final = b"5"
SPARSE: Final = b"S"
GLOBAL: Final = b"g"
_OLD_FILE: Final = b"\0"
_FILES: Final = frozenset({_OLD_FILE, b"0", b"7", SPARSE})
#: What has no content, whatever its header says of a size.
_HEADER_ONLY: Final = frozenset({HARD_LINK, SYMBOLIC_LINK, b"3", b"4", DIRECTORY, b"6"})
#: Headers that say more of the member behind them: PAX, the same of Solaris, long links and names.
_PAX: Final = frozenset({b"x", b"X", GLOBAL})
EXTENSIONS: Final = frozenset({b"x", b"X", b"K", b"L"})

_NAME_ROOM: Final = 100
_MTIME_FORM: Final = b"%011o\0"
#: PAX records that are times.
_TIMES: Final = frozenset({b"mtime", b"atime", b"ctime", b"LIBARCHIVE.creationtime"})
#: GNU tar puts its process's number here.
_PROCESS: Final = re.compile(rb"(?<=PaxHeaders|GlobalHead)\.[0-9]+")


def normal_path(name: bytes | str) -> str:
    """Name a member as from the root of the image, without a slash at either end.

    Bytes that are no UTF-8 become lone surrogates.
    """
    decoded = name.decode(errors="surrogateescape") if isinstance(name, bytes) else name
    return posixpath.normpath("/" + decoded.lstrip("/"))[1:]


@final
@dataclass(frozen=True, slots=True)
class Extension:
    """A header with a text of its own, padded to whole blocks."""

    header: bytes
    blocks: bytes

    @classmethod
    def make(cls, kind: bytes, body: bytes) -> Extension:
        """Write a new one."""
        return cls(new_header(kind, len(body)), padded(body))

    @property
    def kind(self) -> bytes:
        """What it says more about."""
        return field(self.header, "kind")

    @property
    def body(self) -> bytes:
        """Its text."""
        return self.blocks[: number(self.header, "size")]

    @property
    def records(self) -> Records:
        """What it says, if it is a PAX header."""
        return parse_records(self.body) if self.kind in _PAX else ()

    def with_records(self, records: Records) -> Extension:
        """Say something else."""
        if records == self.records:
            return self
        body = encode_records(records)
        return Extension(with_field(self.header, "size", b"%011o\0" % len(body)), padded(body))

    def without_time(self) -> Extension | None:
        """Take out all times and the number of a process; None if nothing is left to say."""
        records = tuple(record for record in self.records if record[0] not in _TIMES)
        if self.records and not records:
            return None
        header = self.with_records(records).header
        if number(header, "mtime"):
            header = with_field(header, "mtime", _MTIME_FORM % 0)
        name = text(header, "name")
        if name != (timeless := _PROCESS.sub(b".0", name)):
            header = with_field(header, "name", timeless)
        return replace(self.with_records(records), header=header)


@final
@dataclass(frozen=True, slots=True)
class Member:
    """A member: `size` bytes of content follow it, padded to whole blocks.

    `name` and `link` are as written. A global PAX header, which belongs to no member, counts as
    one of kind `GLOBAL`, without a header of its own. `sparse` are the blocks by which GNU tar
    goes on with the map of a sparse file.
    """

    extensions: tuple[Extension, ...]
    header: bytes
    sparse: bytes
    kind: bytes
    name: bytes
    link: bytes
    size: int

    @classmethod
    def of(cls, extensions: tuple[Extension, ...], header: bytes, sparse: bytes = b"") -> Member:
        """Read what the blocks say.

        Raises:
            ValueError: it can't be.
        """
        said = _said_by(extensions)
        name = said.get(b"GNU.sparse.name") or said.get(b"path") or _name(header)
        kind = field(header, "kind")
        if kind == _OLD_FILE and name.endswith(b"/"):
            kind = DIRECTORY
        size = int(said[b"size"]) if b"size" in said else number(header, "size")
        if size < 0:
            raise ValueError("its size is less than nothing")
        size = 0 if kind in _HEADER_ONLY else size
        link = said.get(b"linkpath", text(header, "link"))
        return cls(extensions, header, sparse, kind, name, link, size)

    @classmethod
    def of_all(cls, extension: Extension) -> Member:
        """Read a global PAX header."""
        return cls((extension,), b"", b"", GLOBAL, b"", b"", 0)

    def pack(self) -> bytes:
        """Write the blocks."""
        parts = [part for each in self.extensions for part in (each.header, each.blocks)]
        return b"".join((*parts, self.header, self.sparse))

    @property
    def path(self) -> str:
        """The name as from the root of the image."""
        return normal_path(self.name)

    @property
    def padding(self) -> int:
        """How many bytes fill up the content."""
        return -self.size % BLOCK

    @property
    def real_size(self) -> int:
        """How large the file is: of a sparse file, with its holes."""
        said = _said_by(self.extensions)
        for key in (b"GNU.sparse.realsize", b"GNU.sparse.size"):
            if key in said:
                return int(said[key])
        if self.kind == SPARSE:
            return number(self.header, "real_size")
        return self.size

    @property
    def is_file(self) -> bool:
        """Whether it is a file with content of its own."""
        return self.kind in _FILES

    def renamed(self, name: bytes) -> Member:
        """Give the member another name."""
        header = self.header
        if is_posix(header) and any(field(header, "prefix")):
            header = with_field(header, "prefix", b"")
        # A slash at the end would make a directory of an old file, where the name is cut.
        short = name if len(name) <= _NAME_ROOM else name[:_NAME_ROOM].rstrip(b"/")
        header = with_field(header, "name", short)
        key = b"path"
        if b"GNU.sparse.name" in _said_by(self.extensions):
            key = b"GNU.sparse.name"
        return self._saying(header, key, b"L", name)

    def linked(self, link: bytes) -> Member:
        """Let the link lead elsewhere."""
        header = with_field(self.header, "link", link[:_NAME_ROOM])
        return self._saying(header, b"linkpath", b"K", link)

    def _saying(self, header: bytes, key: bytes, kind: bytes, value: bytes) -> Member:
        """Say in an extension what may not fit the header, and in none what does."""
        kept: list[Extension] = []
        for each in self.extensions:
            records = tuple(record for record in each.records if record[0] != key)
            if each.kind != kind and (records or not each.records):
                kept.append(each.with_records(records))
        if len(value) > _NAME_ROOM or key.startswith(b"GNU."):
            kept = (
                _with_record(kept, key, value)
                if is_posix(header)
                else [
                    *kept,
                    Extension.make(kind, value + b"\0"),
                ]
            )
        return Member.of(tuple(kept), header, self.sparse)

    def with_time(self, mtime: int) -> Member:
        """Set the time of modification, in seconds from 1970, and take out all other times."""
        timeless = (each.without_time() for each in self.extensions)
        extensions = tuple(each for each in timeless if each is not None)
        header = self.header
        if header and number(header, "mtime") != mtime:
            header = with_field(header, "mtime", _MTIME_FORM % mtime)
        if is_gnu(header) and any(field(header, "gnu_times")):
            header = with_field(header, "gnu_times", b"")
        return replace(self, extensions=extensions, header=header)


def _said_by(extensions: tuple[Extension, ...]) -> dict[bytes, bytes]:
    """Put together what extensions say; long names count as records of PAX."""
    said: dict[bytes, bytes] = {}
    for each in extensions:
        said.update(each.records)
        if each.kind == b"L":
            said[b"path"] = each.body.partition(b"\0")[0]
        elif each.kind == b"K":
            said[b"linkpath"] = each.body.partition(b"\0")[0]
    return said


def _name(header: bytes) -> bytes:
    name, prefix = text(header, "name"), text(header, "prefix")
    return prefix + b"/" + name if is_posix(header) and prefix else name


def _with_record(extensions: list[Extension], key: bytes, value: bytes) -> list[Extension]:
    for position, each in enumerate(extensions):
        if each.kind in _PAX:
            changed = each.with_records((*each.records, (key, value)))
            return [*extensions[:position], changed, *extensions[position + 1 :]]
    return [*extensions, Extension.make(b"x", encode_records(((key, value),)))]
