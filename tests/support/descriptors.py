"""What this process has open."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["open_below", "open_files"]


def open_files() -> list[str]:
    """List what the descriptors lead to, such as `/tmp/x` or `socket:[17]`, sorted."""
    found = []
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208 - a Path would be open itself
        path = Path("/proc/self/fd", number)
        if path.is_symlink():  # that of the listing is gone by now
            found.append(str(path.readlink()))
    return sorted(found)


def open_below(directory: Path) -> list[str]:
    """List what is open below a directory, also files without a name."""
    return [name for name in open_files() if name.startswith(f"{directory}/")]
