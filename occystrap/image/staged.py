"""Directories that appear when they are whole.

Rule: a directory that isn't there is made under another name beside it, and renamed at the end. In
one that is there, what is new is made in a hidden directory, and moved in at the end, the document
that names it last. On every other way out what was made is removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

from occystrap.errors import ImageOutputError
from occystrap.image.directories import rename
from occystrap.image.removal import remove

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["StagedDirectory"]

_PRIVATE: Final = 0o700


@final
class StagedDirectory:
    """A directory under way: what is put below `root` gets to `path` by `publish`.

    `exists` if there was a directory at `path` from the start.
    """

    def __init__(self, path: str | os.PathLike[str], *, private: bool = False) -> None:
        """Make room for it; a symbolic link at `path` is followed.

        Nobody but its owner can enter a directory that is made `private`.

        Raises:
            ImageOutputError: there is something else, or the directory it is in can't be written.
        """
        self.path = os.fspath(path)
        self._published = False
        with self.failing():
            self._target = Path(os.path.realpath(path))
            self.exists = self._look()
            token = f"{secrets.token_hex(4)}.partial"
            if self.exists:
                self.root = self._target / f".occystrap.{token}"
            else:
                self.root = self._target.with_name(f".{self._target.name}.{token}")
            self.root.mkdir(_PRIVATE if private else 0o777)

    def in_place(self, name: str) -> Path:
        """Name a file of the directory that was there from the start."""
        return self._target / name

    def is_empty(self) -> bool:
        """Whether there is nothing at the place, or a directory with nothing of others in it."""
        with self.failing():
            if not self._look():
                return True
            return not any(each.name != self.root.name for each in self._target.iterdir())

    def write(self, documents: Mapping[str, bytes]) -> None:
        """Write files below `root`."""
        with self.failing():
            for name, content in documents.items():
                (self.root / name).write_bytes(content)

    def publish(self, names: Iterable[str], merge: Callable[[], None] = lambda: None) -> None:
        """Let the directory appear; `names` is what is in it, in the order to move it.

        `merge` changes what is prepared to fit what is there, while nobody else adds to it.

        Raises:
            ImageOutputError: the system can't, or something has got the name since.
        """
        with self.failing():
            if not self.exists and self._rename():
                return
            with self._locked():
                merge()
                for name in names:
                    self._move_in(name)
            self.discard()
            self._published = True

    def discard(self) -> None:
        """Remove what isn't published; may be called twice."""
        if self._published:
            return
        with contextlib.suppress(OSError):
            parent = os.open(self.root.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                remove(parent, os.fsencode(self.root.name))
            finally:
                os.close(parent)

    @contextlib.contextmanager
    def failing(self) -> Iterator[None]:
        """Say of what the system refuses where it was."""
        try:
            yield
        except OSError as error:
            raise ImageOutputError(f"can't write {self.path}: {error.strerror}") from error
        except ValueError as error:  # a NUL in the path
            raise ImageOutputError(f"can't write {self.path!r}: {error}") from error

    def _look(self) -> bool:
        try:
            mode = self._target.stat().st_mode
        except FileNotFoundError:
            return False
        if not stat.S_ISDIR(mode):
            raise ImageOutputError(f"can't write {self.path}: it is no directory")
        return True

    def _rename(self) -> bool:
        """Give the whole its name; False if there is a directory that has it by now."""
        try:
            self.root.rename(self._target)
        except OSError:
            if not self._look():
                raise
            return False
        self._published = True
        return True

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes from adding to the directory at the same time."""
        descriptor = os.open(self._target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _move_in(self, name: str) -> None:
        source, target = self.root / name, self._target / name
        target.parent.mkdir(parents=True, exist_ok=True)
        rename(source, target)
