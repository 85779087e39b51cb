"""Removing what was written, also while a thread that is about to stop still writes."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import Final

__all__ = ["names_in", "remove"]

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def names_in(directory: int) -> list[bytes]:
    """List the names in an open directory."""
    with os.scandir(directory) as entries:
        return [os.fsencode(each.name) for each in entries]


def remove(parent: int, name: bytes) -> None:
    """Remove whatever has the name below a directory, with all that is in it.

    What a thread that is about to stop still puts there goes, too.
    """
    try:
        os.unlink(name, dir_fd=parent)
    except IsADirectoryError:
        with contextlib.suppress(OSError):  # what is not ours fails below
            os.chmod(name, 0o700, dir_fd=parent)
        descriptor = os.open(name, _DIRECTORY, dir_fd=parent)
        try:
            _empty(descriptor)
            while not _removed(parent, name):
                _empty(descriptor)
        finally:
            os.close(descriptor)


def _empty(directory: int) -> None:
    for each in names_in(directory):
        with contextlib.suppress(FileNotFoundError):  # it has got another name meanwhile
            remove(directory, each)


def _removed(parent: int, name: bytes) -> bool:
    """Remove a directory, unless it isn't empty any more."""
    try:
        os.rmdir(name, dir_fd=parent)
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            raise
        return False
    return True
