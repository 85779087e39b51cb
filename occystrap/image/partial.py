"""Files that appear under their name only when they are whole.

Rule: what is written has another name, in the same directory, until the last byte is there.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import final

from occystrap.errors import ImageOutputError
from occystrap.image.sources import SharedFile

__all__ = ["PartialFile"]


@final
class PartialFile:
    """A file under way, to be published or discarded."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open it next to where it belongs; a symbolic link at `path` stays and is followed.

        Raises:
            ImageOutputError: the directory can't be written to, or `path` is no regular file.
        """
        self.path = Path(path)
        with self._failing():
            self._target = Path(os.path.realpath(path))
            self._refuse_special()
            name = f".{self._target.name}.{secrets.token_hex(4)}.partial"
            self._partial = self._target.with_name(name)
            flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC
            descriptor = os.open(self._partial, flags, 0o666)
        self.file = SharedFile(descriptor, str(path))

    def publish(self) -> None:
        """Give the file its name, in place of any that has it.

        Raises:
            ImageOutputError: the system can't.
        """
        with self._failing():
            self._partial.replace(self._target)
        self.file.close()

    def discard(self) -> None:
        """Remove the file unless it was published; may be called twice."""
        self.file.close()
        with contextlib.suppress(OSError):
            self._partial.unlink()

    def _refuse_special(self) -> None:
        """Don't replace what isn't a file: /dev/null would be one afterwards."""
        try:
            mode = self._target.stat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISREG(mode):
            kind = "a directory" if stat.S_ISDIR(mode) else "no regular file"
            raise ImageOutputError(f"can't write {self.path}: it is {kind}")

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ImageOutputError(f"can't write {self.path}: {error.strerror}") from error
        except ValueError as error:  # a NUL in the path
            raise ImageOutputError(f"can't write {str(self.path)!r}: {error}") from error
