"""Opening directories that an image has, also those that their owner may not enter.

Rule: an image may have directories of any mode, such as 640 or 555, and layers that refer to what
is in them. Root enters them all the same; the owner takes the right to, and gives it up again.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HERE", "enter", "enter_path", "entered", "leave", "open_file", "opened", "status_of"]

#: The name of an open directory in itself.
HERE: Final = b"."
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextlib.contextmanager
def opened(parent: int, name: bytes) -> Iterator[int]:
    """Open a directory below another, no link followed."""
    descriptor = os.open(name, _DIRECTORY, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def entered(parent: int, name: bytes) -> Iterator[int]:
    """Open a directory below another as `opened` does, with the right to change what it holds."""
    descriptor, mode = enter(parent, name)
    try:
        yield descriptor
    finally:
        leave(descriptor, mode)


def enter(parent: int, name: bytes) -> tuple[int, int | None]:
    """Open a directory as `entered` does, and return what `leave` takes.

    Raises:
        OSError: there is no directory of that name, or it is somebody else's.
    """
    mode = _locked(status_of(parent, name))
    if name == HERE:  # which has no name that could be looked up, if it is locked
        if mode is not None:
            os.fchmod(parent, mode | stat.S_IRWXU)
        return os.dup(parent), mode
    if mode is not None:
        os.chmod(name, mode | stat.S_IRWXU, dir_fd=parent)
    return os.open(name, _DIRECTORY, dir_fd=parent), mode


def enter_path(path: str | os.PathLike[str]) -> tuple[int, int | None]:
    """Open a directory of our own by its path, and return what `leave` takes."""
    mode = _locked(os.lstat(path))
    if mode is not None:
        os.chmod(path, mode | stat.S_IRWXU)  # noqa: PTH101 - as the calls around it
    return os.open(path, _DIRECTORY), mode


def leave(descriptor: int, mode: int | None) -> None:
    """Close a directory, and give it the mode that it had before it was entered."""
    try:
        if mode is not None:
            os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def open_file(parent: int, name: bytes) -> int:
    """Open a file for reading, also one that its owner may not read."""
    try:
        return os.open(name, _READ, dir_fd=parent)
    except PermissionError:
        mode = stat.S_IMODE(os.lstat(name, dir_fd=parent).st_mode)
        os.chmod(name, mode | stat.S_IRUSR, dir_fd=parent)
        try:
            return os.open(name, _READ, dir_fd=parent)
        finally:
            os.chmod(name, mode, dir_fd=parent)


def status_of(parent: int, name: bytes) -> os.stat_result:
    """Look at what has a name below a directory, or at the directory itself."""
    return os.fstat(parent) if name == HERE else os.lstat(name, dir_fd=parent)


def _locked(status: os.stat_result) -> int | None:
    """Return the mode of a directory that its owner may not enter, list or change."""
    if not stat.S_ISDIR(status.st_mode) or status.st_mode & stat.S_IRWXU == stat.S_IRWXU:
        return None
    return stat.S_IMODE(status.st_mode)
