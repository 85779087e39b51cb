"""What layers are made of: files, links, devices, whiteouts, with owner, mode, time and attributes.

Rule: the same entries give the same tar, byte for byte, on every machine and with every Python.
Spec: https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md; pax, POSIX.1-2001
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

__all__ = [
    "Device",
    "Directory",
    "Entry",
    "Fifo",
    "File",
    "Hardlink",
    "Symlink",
    "Whiteout",
    "read_tar",
    "write_tar",
]

_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"
_XATTR: Final = "SCHILY.xattr."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Metadata:
    """What every entry has; `xattrs` are extended attributes, such as `user.colour`."""

    uid: int = 0
    gid: int = 0
    mtime: int = 0
    xattrs: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


@dataclass(frozen=True, slots=True, init=False)
class File(_Metadata):
    """A regular file."""

    content: bytes
    mode: int

    def __init__(
        self,
        content: bytes | str = b"",
        mode: int = 0o644,
        *,
        uid: int = 0,
        gid: int = 0,
        mtime: int = 0,
        xattrs: Mapping[str, bytes] | None = None,
    ) -> None:
        """Make a file; text becomes UTF-8."""
        _Metadata.__init__(self, uid=uid, gid=gid, mtime=mtime, xattrs=xattrs or {})
        raw = content.encode() if isinstance(content, str) else content
        object.__setattr__(self, "content", raw)
        object.__setattr__(self, "mode", mode)


@dataclass(frozen=True, slots=True)
class Directory(_Metadata):
    """A directory."""

    mode: int = 0o755


@dataclass(frozen=True, slots=True)
class Symlink(_Metadata):
    """A symbolic link; `target` is as `readlink` shows it."""

    target: str
    mode: int = 0o777


@dataclass(frozen=True, slots=True)
class Hardlink(_Metadata):
    """A further name of a file that stands before it in the layer; `target` is a path in it.

    Container runtimes give `mode` to the file that is linked to, so it has to be that file's.
    """

    target: str
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Device(_Metadata):
    """A character or block device."""

    kind: Literal["char", "block"]
    major: int
    minor: int
    mode: int = 0o666


@dataclass(frozen=True, slots=True)
class Fifo(_Metadata):
    """A named pipe."""

    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Whiteout(_Metadata):
    """The removal of what lower layers have at this path.

    An opaque one stands at the path of a directory, which stays, and hides all that is in it.
    """

    opaque: bool = False


Entry = File | Directory | Symlink | Hardlink | Device | Fifo | Whiteout

_TYPES: Final[Mapping[type, bytes]] = {
    File: tarfile.REGTYPE,
    Directory: tarfile.DIRTYPE,
    Symlink: tarfile.SYMTYPE,
    Hardlink: tarfile.LNKTYPE,
    Fifo: tarfile.FIFOTYPE,
    Whiteout: tarfile.REGTYPE,
}
_DEVICES: Final = {"char": tarfile.CHRTYPE, "block": tarfile.BLKTYPE}


def write_tar(entries: Mapping[str, Entry | bytes | str]) -> bytes:
    """Write a layer; the entries stand in the order of the mapping.

    Raises:
        TypeError: a value is none of the kinds of entries.
    """
    output = io.BytesIO()
    for path, value in entries.items():
        entry = File(value) if isinstance(value, bytes | str) else value
        content = entry.content if isinstance(entry, File) else b""
        # Not tarfile.open(): the name of the system's user or the time must not get in.
        output.write(_header(path, entry, len(content)))
        output.write(content)
        output.write(bytes(-len(content) % tarfile.BLOCKSIZE))
    output.write(bytes(2 * tarfile.BLOCKSIZE))
    output.write(bytes(-output.tell() % tarfile.RECORDSIZE))
    return output.getvalue()


def _header(path: str, entry: Entry, size: int) -> bytes:
    info = tarfile.TarInfo(_whiteout_path(path, entry) if isinstance(entry, Whiteout) else path)
    if isinstance(entry, Device):
        info.type = _DEVICES[entry.kind]
        info.devmajor, info.devminor = entry.major, entry.minor
    elif type(entry) in _TYPES:
        info.type = _TYPES[type(entry)]
    else:
        raise TypeError(f"{path!r} is a {type(entry).__name__}, which no layer can hold")
    info.size = size
    info.mode = 0o644 if isinstance(entry, Whiteout) else entry.mode
    info.uid, info.gid, info.mtime = entry.uid, entry.gid, entry.mtime
    if isinstance(entry, Symlink | Hardlink):
        info.linkname = entry.target
    info.pax_headers = {
        f"{_XATTR}{name}": value.decode("utf-8", "surrogateescape")
        for name, value in sorted(entry.xattrs.items())
    }
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _whiteout_path(path: str, whiteout: Whiteout) -> str:
    if whiteout.opaque:
        return f"{path.rstrip('/')}/{_OPAQUE}" if path else _OPAQUE
    parent, slash, name = path.rpartition("/")
    return f"{parent}{slash}{_WHITEOUT}{name}"


def read_tar(tar: bytes) -> Iterator[tuple[str, Entry]]:
    """Read a layer back into paths and entries, in order.

    Raises:
        tarfile.TarError: the bytes are no tar.
    """
    with tarfile.open(
        fileobj=io.BytesIO(tar), mode="r:", encoding="utf-8", errors="surrogateescape"
    ) as archive:
        for info in archive:
            handle = archive.extractfile(info) if info.isreg() else None
            yield _entry(info, b"" if handle is None else handle.read())


def _entry(info: tarfile.TarInfo, content: bytes) -> tuple[str, Entry]:
    kept: dict[str, Any] = {
        "uid": info.uid,
        "gid": info.gid,
        "mtime": int(info.mtime),
        "xattrs": _xattrs(info.pax_headers),
    }
    parent, slash, name = info.name.rpartition("/")
    if name == _OPAQUE:
        return parent, Whiteout(opaque=True, **kept)
    if name.startswith(_WHITEOUT):
        return f"{parent}{slash}{name.removeprefix(_WHITEOUT)}", Whiteout(**kept)
    make = _MAKE.get(info.type)
    return info.name, File(content, info.mode, **kept) if make is None else make(info, kept)


def _device(kind: Literal["char", "block"]) -> Callable[[tarfile.TarInfo, dict[str, Any]], Entry]:
    return lambda info, kept: Device(kind, info.devmajor, info.devminor, info.mode, **kept)


#: type of a tar member -> its entry; every other type is a file of some kind.
_MAKE: Final[Mapping[bytes, Callable[[tarfile.TarInfo, dict[str, Any]], Entry]]] = {
    tarfile.DIRTYPE: lambda info, kept: Directory(info.mode, **kept),
    tarfile.SYMTYPE: lambda info, kept: Symlink(info.linkname, info.mode, **kept),
    tarfile.LNKTYPE: lambda info, kept: Hardlink(info.linkname, info.mode, **kept),
    tarfile.FIFOTYPE: lambda info, kept: Fifo(info.mode, **kept),
    tarfile.CHRTYPE: _device("char"),
    tarfile.BLKTYPE: _device("block"),
}


def _xattrs(pax_headers: Mapping[str, str]) -> dict[str, bytes]:
    return {
        name.removeprefix(_XATTR): value.encode("utf-8", "surrogateescape")
        for name, value in pax_headers.items()
        if name.startswith(_XATTR)
    }
