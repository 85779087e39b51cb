"""A tree of files that an image describes, reached through descriptors of its directories.

Rule: no name that an image holds is given to the system as a path. Every component is opened on
its own, below the directory before it, and never through a symbolic link; links are followed by
hand, as by a process whose root the tree is. So nothing outside of the tree is ever reached.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING, Final, final

from occystrap.errors import ImageInputError
from occystrap.image.opening import HERE, enter, enter_path, leave, open_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["DEEPEST", "IMPLICIT_MODE", "Parts", "Tree", "link", "parts_of", "shown"]

#: The components of a name, from the root of the tree.
Parts = tuple[bytes, ...]

#: Directories in directories: so deep, and no deeper. Each takes a descriptor while it is walked.
DEEPEST: Final = 256
#: The mode of a directory of which an image says nothing, whatever the umask is.
IMPLICIT_MODE: Final = 0o755
_LINKS: Final = 40
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def shown(name: bytes) -> str:
    """Write a name of an image so that a terminal can show it."""
    return repr(name[:200].decode(errors="backslashreplace"))


def parts_of(name: bytes) -> Parts:
    """Split a name into components, as from the root of the tree.

    Raises:
        ImageInputError: it leads upwards, or can't be a name.
    """
    parts = tuple(part for part in name.split(b"/") if part not in (b"", b"."))
    if b".." in parts or b"\0" in name:
        raise ImageInputError(f"{shown(name)} is no name that a file of an image can have")
    return parts


def _ignore(parts: Parts) -> None:
    """Do nothing."""


def _stays(parent: int, name: bytes) -> bool:  # noqa: ARG001 - what a tree without marks says
    return False


def link(source: int, name: bytes, target: int, new_name: bytes) -> None:
    """Give a file, or a symbolic link itself, another name."""
    os.link(name, new_name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)


@final
class Tree:
    """A directory and what is below it, for one thread."""

    def __init__(
        self,
        path: str | os.PathLike[str] | int,
        *,
        on_make: Callable[[Parts], None] = _ignore,
        gives_way: Callable[[int, bytes], bool] = _stays,
    ) -> None:
        """Open a directory that is there, or again one that is open.

        `on_make` is told of every directory that is made on the way to another. What is in the way
        of one is removed if `gives_way` says so.
        """
        self.root, self._mode = (os.dup(path), None) if isinstance(path, int) else enter_path(path)
        self.on_make = on_make
        self.gives_way = gives_way
        self._parent: tuple[Parts, Parts, int] | None = None
        self._fresh = False

    def close(self) -> None:
        """Close the directory; may be called twice."""
        self._drop()
        if self.root >= 0:
            leave(self.root, self._mode)
            self.root = -1

    def __enter__(self) -> Tree:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def forget(self) -> None:
        """Look names up anew from the next call on: a directory or a link has been replaced."""
        self._fresh = False

    def make(self, parts: Parts) -> tuple[int, Parts]:
        """Open a directory, made as far as it isn't there, and say where it really is.

        It stays open until the next call, which most often is for the same.

        Raises:
            ImageInputError: there is something else on the way.
            OSError: the system can't.
        """
        if self._parent is None or self._parent[0] != parts or not self._fresh:
            walk = _Walk(self, make=True)
            descriptor = walk.follow(parts)
            self._drop()
            self._parent = (parts, walk.parts, descriptor)
            self._fresh = True
        return self._parent[2], self._parent[1]

    def _drop(self) -> None:
        if self._parent is not None:
            os.close(self._parent[2])
            self._parent = None

    @contextlib.contextmanager
    def find(self, parts: Parts) -> Iterator[int]:
        """Open a directory that is there, links on the way followed.

        Raises:
            OSError: there is none.
        """
        descriptor = _Walk(self, make=False).follow(parts)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def exactly(self, parts: Iterable[bytes]) -> Iterator[int]:
        """Open a directory that is there under this very name, no links followed.

        Raises:
            OSError: there is none.
        """
        way = [enter(self.root, HERE)]
        try:
            for part in parts:
                way.append(enter(way[-1][0], part))
            yield way[-1][0]
        finally:
            for each in reversed(way):
                leave(*each)

    def read(self, name: bytes, limit: int) -> bytes | None:
        """Read a file as a process in the tree would; None if there is none, or it is larger."""
        try:
            with os.fdopen(_Walk(self, make=False).open_file(parts_of(name)), "rb") as file:
                return file.read(limit) if os.fstat(file.fileno()).st_size <= limit else None
        except (OSError, ImageInputError):
            return None


@final
class _Walk:
    """One way through a tree; `parts` is where it has led."""

    def __init__(self, tree: Tree, *, make: bool) -> None:
        self.parts: Parts = ()
        self._tree = tree
        self._make = make
        self._links = 0
        self._opened: list[tuple[int, int | None]] = []

    def follow(self, parts: Parts) -> int:
        """Go to a directory, and open it."""
        todo = list(reversed(parts))
        try:
            while todo:
                self._step(todo)
            return os.dup(self._here)
        finally:
            self._close(0)

    def open_file(self, parts: Parts) -> int:
        """Go to a regular file, and open it for reading."""
        todo = list(reversed(parts))
        try:
            while todo:
                if len(todo) == 1 and stat.S_ISREG(os.lstat(todo[0], dir_fd=self._here).st_mode):
                    return open_file(self._here, todo[0])
                self._step(todo)
            raise IsADirectoryError
        finally:
            self._close(0)

    @property
    def _here(self) -> int:
        return self._opened[-1][0] if self._opened else self._tree.root

    def _close(self, depth: int) -> None:
        while len(self._opened) > depth:
            leave(*self._opened.pop())

    def _up(self, depth: int) -> None:
        self._close(depth)
        self.parts = self.parts[:depth]

    def _step(self, todo: list[bytes]) -> None:
        name = todo.pop()
        if name in (b"", b"."):
            return
        if name == b"..":
            self._up(max(0, len(self._opened) - 1))
            return
        if len(self._opened) >= DEEPEST:
            raise ImageInputError(f"there are more than {DEEPEST} directories in each other")
        try:
            below = self._open(name)
        except NotADirectoryError:
            self._go_round(name, todo)
            return
        except FileNotFoundError:
            if not self._make:
                raise
            below = (self._mkdir(name), None)
        self._opened.append(below)
        self.parts = (*self.parts, name)

    def _open(self, name: bytes) -> tuple[int, int | None]:
        if self._make:  # while a layer is extracted its directories are open to its owner
            return os.open(name, _DIRECTORY, dir_fd=self._here), None
        return enter(self._here, name)

    def _mkdir(self, name: bytes) -> int:
        os.mkdir(name, dir_fd=self._here)
        descriptor = os.open(name, _DIRECTORY, dir_fd=self._here)
        try:
            os.fchmod(descriptor, IMPLICIT_MODE)
            self._tree.on_make((*self.parts, name))
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _go_round(self, name: bytes, todo: list[bytes]) -> None:
        """Go on where a symbolic link leads; what else is in the way may give way."""
        here = self._here
        if stat.S_ISLNK(os.lstat(name, dir_fd=here).st_mode):
            self._links += 1
            if self._links > _LINKS:
                raise ImageInputError(f"{shown(name)} is a link that leads nowhere")
            target = os.readlink(name, dir_fd=here)
            if target.startswith(b"/"):
                self._up(0)
            todo.extend(reversed(target.split(b"/")))
        elif self._make and self._tree.gives_way(here, name):
            self._tree.on_make((*self.parts, name))
            todo.append(name)
        else:
            where = b"/".join((*self.parts, name))
            raise ImageInputError(f"{shown(where)} is no directory, but has something below it")
