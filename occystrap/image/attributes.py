"""Owner, mode, time and extended attributes: read off members of tars, and given to files.

Rule: what the system refuses is counted, not lost silently; and a file that can't get its owner
doesn't get its set-ID bits either, which would work for somebody else. Attributes that steer
overlayfs are never taken from an image.
Spec: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_03
"""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final, TypeAlias, final

if TYPE_CHECKING:
    from occystrap.image.tar_member import Member

__all__ = ["OVERLAY_XATTRS", "Attributes", "Restorer", "device_of", "octal"]

_XATTR: Final = b"SCHILY.xattr."
#: What steers overlayfs, and fuse-overlayfs.
OVERLAY_XATTRS: Final = (
    *(b"trusted.overlay.", b"user.overlay."),
    *(b"user.fuseoverlayfs.", b"user.containers.override"),
)
_LAYERS_XATTRS: Final = (b"trusted.", b"user.")
_FIELDS: Final = {"mode": (100, 108), "uid": (108, 116), "gid": (116, 124), "mtime": (136, 148)}
_DEVICE: Final = ((329, 337), (337, 345))
_BINARY: Final = (0x80, 0xFF)
_SET_ID: Final = stat.S_ISUID | stat.S_ISGID
_LARGEST_ID: Final = 2**32 - 2
#: What file systems can hold, roughly: from 1901 to 2446.
_EARLIEST: Final = Decimal(-(2**31))
_LATEST: Final = Decimal(2**34 - 2**31)
_NANO: Final = 10**9
#: Why a system may refuse an owner: no right to, or nobody of that number in a namespace of users.
_REFUSED: Final = (errno.EPERM, errno.EINVAL)

XAttrs: TypeAlias = tuple[tuple[bytes, bytes], ...]


def octal(header: bytes, start: int, end: int) -> int:
    """Read a number of a header, octal or in the binary way of GNU.

    Raises:
        ValueError: it is neither.
    """
    raw = header[start:end]
    if raw and raw[0] in _BINARY:
        return int.from_bytes(raw if raw[0] == _BINARY[1] else raw[1:], "big", signed=True)
    digits = raw.partition(b"\0")[0].strip()
    return int(digits, 8) if digits else 0


def device_of(header: bytes) -> tuple[int, int]:
    """Read major and minor number of a device."""
    major, minor = (octal(header, *place) for place in _DEVICE)
    return major, minor


@final
@dataclass(frozen=True, slots=True)
class Attributes:
    """What a member says of its file beside the content; `mtime` in nanoseconds from 1970."""

    mode: int
    uid: int
    gid: int
    mtime: int
    xattrs: XAttrs = ()

    @classmethod
    def of(cls, member: Member) -> Attributes:
        """Read them.

        Raises:
            ValueError: an owner can't be one, or a number is none.
        """
        records = dict(record for each in member.extensions for record in each.records)
        numbers = {name: octal(member.header, *place) for name, place in _FIELDS.items()}
        uid, gid = (int(records.get(key.encode(), numbers[key])) for key in ("uid", "gid"))
        if not (0 <= uid <= _LARGEST_ID and 0 <= gid <= _LARGEST_ID):
            raise ValueError(f"it has the owner {uid}:{gid}")
        xattrs = tuple(
            (key.removeprefix(_XATTR), value)
            for key, value in records.items()
            if key.startswith(_XATTR)
        )
        mtime = _nanoseconds(records.get(b"mtime"), numbers["mtime"])
        return cls(numbers["mode"] & 0o7777, uid, gid, mtime, xattrs)


def _nanoseconds(said: bytes | None, otherwise: int) -> int:
    """Read a time; one that no file system can hold becomes the nearest that it can."""
    try:
        seconds = Decimal(otherwise if said is None else said.decode("ascii"))
        return int(min(max(seconds, _EARLIEST), _LATEST) * _NANO)
    except (InvalidOperation, ValueError) as error:
        raise ValueError("it has a time that is none") from error


def _given_by_layers(descriptor: int) -> list[bytes]:
    """List the attributes of a directory that aren't the system's, nor those of overlayfs."""
    try:
        names = [os.fsencode(each) for each in os.listxattr(descriptor)]
    except OSError:  # there are none on this file system
        return []
    return [n for n in names if n.startswith(_LAYERS_XATTRS) and not n.startswith(OVERLAY_XATTRS)]


@final
class Restorer:
    """Gives files their attributes, as far as the system lets; `left_out` counts what it doesn't.

    Only who is `privileged` can give files away.
    """

    def __init__(self, *, privileged: bool) -> None:
        self.privileged = privileged
        self.left_out: Counter[str] = Counter()

    def open_file(self, descriptor: int, attributes: Attributes) -> None:
        """Give an open file or directory its attributes."""
        owned = self._own(descriptor, attributes)
        if attributes.xattrs and not self.privileged:
            os.fchmod(descriptor, stat.S_IRWXU)  # they are for who may write
        self._extend(descriptor, attributes)
        os.fchmod(descriptor, self._mode(attributes, owned=owned))
        os.utime(descriptor, ns=(attributes.mtime, attributes.mtime))

    def directory(self, descriptor: int, attributes: Attributes) -> None:
        """Give an open directory its attributes, in place of those that a lower layer gave it."""
        given = {name for name, _ in attributes.xattrs}
        stale = [name for name in _given_by_layers(descriptor) if name not in given]
        if stale and not self.privileged:
            os.fchmod(descriptor, stat.S_IRWXU)
        for name in stale:
            os.removexattr(descriptor, name)
        self.open_file(descriptor, attributes)

    def entry(self, parent: int, name: bytes, attributes: Attributes, *, link: bool) -> None:
        """Give what can't be opened its attributes: a symbolic link, a pipe or a device."""
        owned = self._own(name, attributes, parent)
        if not link:
            os.chmod(name, self._mode(attributes, owned=owned), dir_fd=parent)
        if attributes.xattrs:
            path = b"/proc/self/fd/%d/%b" % (parent, name)
            self._extend(path, attributes)
        times = (attributes.mtime, attributes.mtime)
        os.utime(name, ns=times, dir_fd=parent, follow_symlinks=False)

    def _own(self, target: int | bytes, attributes: Attributes, parent: int | None = None) -> bool:
        if not self.privileged:
            owned = (attributes.uid, attributes.gid) == (os.geteuid(), os.getegid())
        else:
            try:
                if isinstance(target, int):
                    os.fchown(target, attributes.uid, attributes.gid)
                else:
                    os.chown(
                        *(target, attributes.uid, attributes.gid),
                        dir_fd=parent,
                        follow_symlinks=False,
                    )
                owned = True
            except OSError as error:
                if error.errno not in _REFUSED:
                    raise
                owned = False
        self.left_out["owners"] += not owned
        return owned

    def _mode(self, attributes: Attributes, *, owned: bool) -> int:
        if owned or not attributes.mode & _SET_ID:
            return attributes.mode
        self.left_out["set-ID bits"] += 1
        return attributes.mode & ~_SET_ID

    def _extend(self, target: int | bytes, attributes: Attributes) -> None:
        for name, value in attributes.xattrs:
            try:
                if name.startswith(OVERLAY_XATTRS):
                    raise PermissionError
                if isinstance(target, int):
                    os.setxattr(target, name, value)
                else:
                    os.setxattr(target, name, value, follow_symlinks=False)
            except (OSError, ValueError):  # no right to, no room for it, or no such kind here
                self.left_out["extended attributes"] += 1
