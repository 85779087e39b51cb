"""A disk that is soon full: a tmpfs that only one command sees, and that ends with it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.components import real_component

__all__ = ["on_small_disk"]

#: Mounts, runs the command, and says what is on the disk afterwards.
_SCRIPT = """
size=$1 directory=$2
shift 2
mount -t tmpfs -o "size=$size" none "$directory" || exit 99
"$@"
code=$?
ls -A "$directory" >"$directory.left"
exit "$code"
"""


def on_small_disk(directory: Path, size: int) -> list[str]:
    """Return the words before a command that finds a disk of so many bytes at a directory.

    What it leaves there is listed in a file beside the directory, `NAME.left`. Root can mount, and
    so can others in a user namespace of their own, where the system lets them.
    """
    unshare = [real_component("unshare"), "--mount", "--map-root-user"]
    script = ["sh", "-c", _SCRIPT, "small-disk", str(size), str(directory)]
    tried = subprocess.run([*unshare, *script, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(
            f"no tmpfs can be mounted ({tried.stderr.strip()}); run the tests as root, or let users"
            " have namespaces: sysctl kernel.unprivileged_userns_clone=1"
        )
    return [*unshare, *script]
