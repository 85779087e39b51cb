"""Directories of images and layers: made whatever the umask is, moved whatever their mode is."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from occystrap.image.tree import IMPLICIT_MODE

__all__ = ["make_root", "rename"]


def make_root(path: str | os.PathLike[str]) -> None:
    """Make the directory that is to be the root of an image, or of a layer."""
    Path(path).mkdir(0o700)
    Path(path).chmod(IMPLICIT_MODE)


def rename(source: Path, target: Path) -> None:
    """Rename a file or a directory, also one that its owner may not change."""
    try:
        source.replace(target)
    except PermissionError:
        mode = stat.S_IMODE(source.lstat().st_mode)
        source.chmod(mode | stat.S_IWUSR)
        try:
            source.replace(target)
        except OSError:
            source.chmod(mode)
            raise
        target.chmod(mode)
