"""Marks of what a layer removes from the layers below it, as they are kept in its directory.

Rule: in a directory of its own a layer keeps its marks, either as files `.wh.NAME`, for whoever
merges it, or as overlayfs has them. What an image itself has of the latter never gets there.
Spec: https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#whiteouts and
https://docs.kernel.org/filesystems/overlayfs.html#whiteouts-and-opaque-directories
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import Final, Protocol, final

from occystrap.errors import ImageOutputError
from occystrap.image.opening import opened
from occystrap.image.removal import remove
from occystrap.image.tree import IMPLICIT_MODE

__all__ = [
    "OPAQUE",
    "PREFIX",
    "OverlayMarks",
    "PlainMarks",
    "WhiteoutMarks",
    "is_device",
    "is_opaque",
    "takes_trusted",
]

PREFIX: Final = b".wh."
#: Nothing of the layers below is in this directory.
OPAQUE: Final = b".wh..wh..opq"
_TRUSTED: Final = "trusted.overlay.opaque"
_USERS: Final = "user.overlay.opaque"
_DEVICE: Final = os.makedev(0, 0)


class WhiteoutMarks(Protocol):
    """How a directory of a layer says what is gone."""

    def hide(self, parent: int, name: bytes) -> None:
        """Say that a name of the layers below is gone, unless this layer has it anew."""
        ...

    def make_opaque(self, directory: int) -> None:
        """Say that all is gone that the layers below have in a directory."""
        ...

    def gives_way(self, parent: int, name: bytes) -> bool:
        """Remove a mark that is in the way of a directory of the same name."""
        ...


@final
class PlainMarks:
    """Empty files, as in the tar."""

    def hide(self, parent: int, name: bytes) -> None:
        """Make the file `.wh.NAME`."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(os.open(PREFIX + name, flags, 0o600, dir_fd=parent))

    def make_opaque(self, directory: int) -> None:
        """Make the file `.wh..wh..opq`."""
        self.hide(directory, OPAQUE.removeprefix(PREFIX))

    def gives_way(self, parent: int, name: bytes) -> bool:  # noqa: ARG002 - they never are
        """Keep everything: these marks are in nobody's way."""
        return False


@final
class OverlayMarks:
    """Devices of the number 0/0 and extended attributes, as overlayfs has them.

    Attributes that are `trusted` are for root's mounts, others for those with `userxattr`; those of
    the one kind would be seen in a mount of the other.
    """

    def __init__(self, *, trusted: bool) -> None:
        self._xattr = _TRUSTED if trusted else _USERS

    def hide(self, parent: int, name: bytes) -> None:
        """Make the device, which Linux lets everyone make since 5.8."""
        try:
            os.mknod(name, stat.S_IFCHR, _DEVICE, dir_fd=parent)
        except FileExistsError:
            self._hide_behind(parent, name)
        except PermissionError as error:
            raise ImageOutputError(
                "this system doesn't let you make the devices by which overlayfs hides files"
            ) from error

    def make_opaque(self, directory: int) -> None:
        """Set the attribute."""
        try:
            os.setxattr(directory, self._xattr, b"y")
        except OSError as error:
            raise ImageOutputError(
                f"this file system doesn't take the attributes of overlayfs: {error.strerror}"
            ) from error

    def gives_way(self, parent: int, name: bytes) -> bool:
        """Make room for a directory that hides what the mark has hidden."""
        if not is_device(os.lstat(name, dir_fd=parent)):
            return False
        remove(parent, name)
        os.mkdir(name, dir_fd=parent)
        os.chmod(name, IMPLICIT_MODE, dir_fd=parent)
        self._hide_behind(parent, name)
        return True

    def _hide_behind(self, parent: int, name: bytes) -> None:
        """Let what this layer has under a name hide what those below have: files do so anyway."""
        with contextlib.suppress(NotADirectoryError), opened(parent, name) as descriptor:
            self.make_opaque(descriptor)


def takes_trusted(directory: str | os.PathLike[str]) -> bool:
    """Whether this process can set trusted attributes there; root of a namespace can't."""
    try:
        os.setxattr(directory, _TRUSTED, b"n")
        os.removexattr(directory, _TRUSTED)
    except OSError:
        return False
    return True


def is_device(status: os.stat_result) -> bool:
    """Whether this is the mark of overlayfs for what is gone."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == _DEVICE


def is_opaque(directory: int) -> bool:
    """Whether overlayfs shows nothing of the layers below in a directory."""
    for name in (_TRUSTED, _USERS):
        try:
            if os.getxattr(directory, name) == b"y":
                return True
        except OSError as error:
            if error.errno not in (errno.ENODATA, errno.ENOTSUP, errno.EPERM):
                raise
    return False
