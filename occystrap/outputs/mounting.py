"""Mounting what was written for overlayfs, by the script that is there for it.

Rule: a path is an argument of a program, never a part of what a shell reads.
"""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from occystrap.errors import ImageOutputError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MOUNT_SCRIPT", "NAMESPACE", "mount", "refuse_to_mount"]

MOUNT_SCRIPT: Final = "mount.sh"
#: Not the script itself: it may be on a file system that runs no programs.
_SHELL: Final = "/bin/sh"
#: Where everyone is root enough to mount.
NAMESPACE: Final = "unshare --user --map-root-user --mount"


def refuse_to_mount(path: str) -> ImageOutputError:
    """Say that this user can't mount anything."""
    return ImageOutputError(f"can't mount {path}: only root can; anyone is root in: {NAMESPACE}")


def mount(path: str, root: str, tell: Callable[[str], None]) -> None:
    """Mount a directory of layers at its `root`, and tell how to unmount it.

    Raises:
        ImageOutputError: it is refused. What was written stays.
    """
    place = Path(path).absolute()
    script = shlex.quote(str(place / MOUNT_SCRIPT))
    try:
        done = subprocess.run(  # noqa: S603 - the script is ours, and knows no name of the image
            [_SHELL, str(place / MOUNT_SCRIPT)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="backslashreplace",
            check=False,
        )
    except OSError as error:
        raise ImageOutputError(f"can't run {script}: {error.strerror}") from error
    if done.returncode != 0:
        said = " ".join(done.stderr.split()) or f"exit status {done.returncode}"
        raise ImageOutputError(
            f"{path} is whole, but can't be mounted: {said}; to try again: {script}"
        )
    tell(f"Mounted at {place / root}; to unmount it: umount {shlex.quote(str(place / root))}")
