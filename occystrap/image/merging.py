"""Layers in directories of their own, made into one tree, or finished for overlayfs to do so.

Rule: both show the same files. A layer's whiteouts remove what the layers below it have, and
nothing else; what it doesn't say of a directory stays as it was.
Spec: https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#applying-changesets
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING, Final, final

from occystrap.errors import ImageInputError, ImageOutputError
from occystrap.image.attributes import Attributes, Restorer
from occystrap.image.notes import DirectoryNote, LinkNote
from occystrap.image.opening import HERE, enter, entered, opened
from occystrap.image.removal import names_in, remove
from occystrap.image.tree import IMPLICIT_MODE, Parts, Tree, link, shown
from occystrap.image.whiteouts import OPAQUE, PREFIX, is_device

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from occystrap.image.extraction import LayerExtractor

__all__ = [
    "NO_FILE",
    "DirectoryFinisher",
    "LayerMerger",
    "link_anew",
    "no_such_source",
]

#: What says that there is no file of a name.
NO_FILE: Final = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
_OWN: Final = 0o700


def no_such_source(note: LinkNote) -> ImageInputError:
    """Say that a hard link leads to no file of any layer."""
    name, source = (shown(b"/".join(parts)) for parts in (note.parts, note.source))
    return ImageInputError(f"{name} is a hard link to {source}, which isn't there")


def link_anew(directory: int, name: bytes, tree: Tree, note: LinkNote) -> None:
    """Make a hard link in a layer, unless it has put something else there since.

    Raises:
        OSError: there is no such file, or it is a directory.
    """
    if stat.S_ISDIR(os.lstat(name, dir_fd=directory).st_mode):
        raise IsADirectoryError
    parent, _ = tree.make(note.parts[:-1])
    new_name = note.parts[-1]
    with contextlib.suppress(FileNotFoundError):
        if is_device(os.lstat(new_name, dir_fd=parent)):  # which hides only what is below
            remove(parent, new_name)
    with contextlib.suppress(FileExistsError):
        link(directory, name, parent, new_name)


@final
class DirectoryFinisher:
    """Gives directories what the layer says of them, when nothing is put there any more."""

    def __init__(self, tree: Tree, *, privileged: bool, left_out: Counter[str]) -> None:
        self._tree = tree
        self._restorer = Restorer(privileged=privileged)
        self._restorer.left_out = left_out

    def note(self, parts: Parts, attributes: Attributes) -> None:
        """Finish a directory, if it is still there."""
        if not parts:
            self._restorer.directory(self._tree.root, attributes)
            return
        gone = contextlib.suppress(FileNotFoundError, NotADirectoryError)
        with gone, self._tree.exactly(parts[:-1]) as parent:
            descriptor, _ = enter(parent, parts[-1])
            try:
                self._restorer.directory(descriptor, attributes)
            finally:
                os.close(descriptor)


@final
class LayerMerger:
    """Makes one tree of layers that were extracted with plain marks, the lowest first."""

    def __init__(self, path: str, *, privileged: bool) -> None:
        """Begin with a directory that is there, and empty."""
        self._tree = Tree(path)
        self._privileged = privileged

    def close(self) -> None:
        """Close the directory; may be called twice."""
        self._tree.close()

    def merge(self, layer: LayerExtractor) -> None:
        """Move a layer into the tree; nothing but a directory is left of it.

        Raises:
            ImageInputError: a hard link leads nowhere.
            ImageOutputError: the system can't.
        """
        try:
            with Tree(layer.path) as source, _changed(self._tree.root, HERE) as root:
                self._link(source, layer)
                self._merge(source.root, root, marked=layer.has_marks)
            self._finish(layer)
        except OSError as error:
            raise ImageOutputError(f"can't merge the layers: {error.strerror}") from error

    def _link(self, source: Tree, layer: LayerExtractor) -> None:
        """Put the files into the layer that it has only other names for."""
        for note in layer.notes.read():
            if not isinstance(note, LinkNote):
                continue
            try:
                with self._tree.exactly(note.source[:-1]) as below:
                    link_anew(below, note.source[-1], source, note)
            except NO_FILE as error:
                raise no_such_source(note) from error

    def _finish(self, layer: LayerExtractor) -> None:
        finisher = DirectoryFinisher(
            self._tree, privileged=self._privileged, left_out=layer.left_out
        )
        for note in layer.notes.read():
            if isinstance(note, DirectoryNote):
                finisher.note(note.parts, note.attributes)

    def _merge(self, source: int, target: int, *, marked: bool) -> None:
        """Move what a directory holds into another."""
        with os.scandir(source) as entries:
            found = [(os.fsencode(e.name), e.is_dir(follow_symlinks=False)) for e in entries]
        if marked:
            self._remove_marked(target, dict(found))
        for name, is_directory in found:
            if name.startswith(PREFIX):
                continue
            if is_directory:
                self._merge_directory(source, target, name, marked=marked)
            else:
                _move(source, target, name)

    def _remove_marked(self, target: int, found: dict[bytes, bool]) -> None:
        """Remove what is marked; where the layer has a directory anew, all that is in it."""
        if OPAQUE in found:
            _empty(target)
            return
        for mark in found:
            name = mark.removeprefix(PREFIX)
            if not mark.startswith(PREFIX):
                continue
            if found.get(name) and _has_directory(target, name):
                with _changed(target, name) as directory:
                    _empty(directory)
            else:
                with contextlib.suppress(FileNotFoundError):
                    remove(target, name)

    def _merge_directory(self, source: int, target: int, name: bytes, *, marked: bool) -> None:
        if not _has_directory(target, name):
            with contextlib.suppress(FileNotFoundError):
                remove(target, name)
            if not marked:
                os.rename(name, name, src_dir_fd=source, dst_dir_fd=target)
                return
            os.mkdir(name, _OWN, dir_fd=target)
            os.chmod(name, IMPLICIT_MODE, dir_fd=target)
        with opened(source, name) as above, _changed(target, name) as below:
            self._merge(above, below, marked=marked)


@contextlib.contextmanager
def _changed(parent: int, name: bytes) -> Iterator[int]:
    """Open a directory to change what it holds, and nothing else of it."""
    with entered(parent, name) as descriptor:
        before = os.fstat(descriptor)
        yield descriptor
        os.utime(descriptor, ns=(before.st_atime_ns, before.st_mtime_ns))


def _empty(directory: int) -> None:
    for each in names_in(directory):
        remove(directory, each)


def _has_directory(parent: int, name: bytes) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(name, dir_fd=parent).st_mode)
    except FileNotFoundError:
        return False


def _move(source: int, target: int, name: bytes) -> None:
    try:
        os.rename(name, name, src_dir_fd=source, dst_dir_fd=target)
    except IsADirectoryError:
        remove(target, name)
        os.rename(name, name, src_dir_fd=source, dst_dir_fd=target)
