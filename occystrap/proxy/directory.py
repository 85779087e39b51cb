"""The directory that a proxy keeps pushes in while it runs.

Rule: whoever uses one holds a lock on it, which ends with the process however that ends; so what
a proxy has left that was killed is known to be nobody's, and goes when the next one begins.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

from occystrap.errors import InvalidOption

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SessionDirectory"]

_PREFIX: Final = "occystrap-proxy-"
_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@final
class SessionDirectory:
    """A new directory at `path`, until it is closed."""

    def __init__(self, temp_dir: str | None = None) -> None:
        """Make it in a directory, by default the system's for such things, and clean up there.

        Raises:
            InvalidOption: nothing can be made there.
        """
        parent = "" if temp_dir is None else os.fspath(temp_dir)
        try:
            parent = parent or tempfile.gettempdir()
            _remove_abandoned(Path(parent))
            self.path, descriptor = _make(parent)
        except OSError as error:
            where = parent or "any of the usual places"
            message = f"can't make a directory in {where}: {error.strerror}"
            raise InvalidOption(f"{message}; --temp-dir names another one") from error
        self._finish = weakref.finalize(self, _remove, self.path, descriptor)

    def close(self) -> None:
        """Remove it; may be called twice."""
        self._finish()


def _make(parent: str) -> tuple[Path, int]:
    """Make a directory, and lock it before anybody takes it for abandoned."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        descriptor = os.open(path, _OPEN)
        try:
            if not _lock(descriptor) or _is_at(descriptor, path):
                return path, descriptor
        except BlockingIOError:  # somebody was faster, and is about to remove it
            pass
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock a directory; False where the file system knows no locks, and so nobody cleans up.

    Raises:
        BlockingIOError: somebody else has.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _remove(path: Path, descriptor: int) -> None:
    shutil.rmtree(path, ignore_errors=True)
    os.close(descriptor)


def _remove_abandoned(parent: Path) -> None:
    """Remove what this user's proxies have left that ended without a chance to do so."""
    for path in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), _opened(path) as descriptor:
            if os.fstat(descriptor).st_uid == os.geteuid() and _lock(descriptor):
                shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, _OPEN)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
