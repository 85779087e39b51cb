"""The user of an image, looked up in its own files.

Rule: names mean what they mean inside of the image; the machine's users are never asked.
Spec: https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md (User), and what runc and
docker make of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from occystrap.errors import ImageInputError

__all__ = ["GROUP", "PASSWD", "ReadFile", "RuntimeUser", "resolve_user"]

PASSWD: Final = b"etc/passwd"
GROUP: Final = b"etc/group"
_LARGEST: Final = 2**32 - 2
#: passwd: name:password:uid:gid:...; group: name:password:gid:members
_PASSWD_FIELDS: Final = 4
_GROUP_FIELDS: Final = 4

#: Reads a file of the image; None if it has none.
ReadFile: TypeAlias = Callable[[bytes], bytes | None]


@dataclass(frozen=True, slots=True)
class RuntimeUser:
    """Numbers of a user and their groups."""

    uid: int = 0
    gid: int = 0
    additional_gids: tuple[int, ...] = ()


def resolve_user(user: str, read: ReadFile) -> RuntimeUser:
    """Find the numbers of `USER[:GROUP]`, names or numbers; without a user it is root.

    With a group the user has no others; without one those that the files say.

    Raises:
        ImageInputError: the image has no such user or group, or a number can't be one.
    """
    name, colon, group = user.partition(":")
    entry = _find_user(name or "0", read)
    uid = _number(name or "0") if entry is None else entry[1]
    if uid is None:
        raise ImageInputError(f"the image has no user {name!r} in its /etc/passwd")
    if colon and group:
        return RuntimeUser(uid, _find_group(group, read))
    if entry is None:
        return RuntimeUser(uid)
    gids = [gid for _, gid, members in _groups(read) if entry[0] in members]
    return RuntimeUser(uid, entry[2], tuple(dict.fromkeys(gids)))


def _find_user(name: str, read: ReadFile) -> tuple[str, int, int] | None:
    """Find name, uid and gid; a name goes before a number."""
    users = list(_users(read))
    number = _number(name)
    by_name = (each for each in users if each[0] == name)
    by_number = (each for each in users if each[1] == number)
    return next(by_name, None) or next(by_number, None)


def _find_group(name: str, read: ReadFile) -> int:
    gid = next((gid for group, gid, _ in _groups(read) if group == name), None)
    gid = _number(name) if gid is None else gid
    if gid is None:
        raise ImageInputError(f"the image has no group {name!r} in its /etc/group")
    return gid


def _users(read: ReadFile) -> Iterator[tuple[str, int, int]]:
    for fields in _lines(read(PASSWD), _PASSWD_FIELDS):
        uid, gid = _number(fields[2]), _number(fields[3])
        if uid is not None and gid is not None:
            yield fields[0], uid, gid


def _groups(read: ReadFile) -> Iterator[tuple[str, int, list[str]]]:
    for fields in _lines(read(GROUP), _GROUP_FIELDS):
        gid = _number(fields[2])
        if gid is not None:
            yield fields[0], gid, [each.strip() for each in fields[3].split(",")]


def _lines(content: bytes | None, count: int) -> Iterator[list[str]]:
    for line in (content or b"").decode(errors="replace").splitlines():
        fields = line.strip().split(":")
        if len(fields) >= count and fields[0] and not line.startswith("#"):
            yield fields


def _number(text: str) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(_LARGEST))):
        return None
    return int(text) if int(text) <= _LARGEST else None
