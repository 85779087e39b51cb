"""Layers in directories of their own, finished so that overlayfs shows the image.

Rule: what is mounted is what merging would have made. overlayfs shows a directory as the topmost
layer has it, so one of which a layer says nothing becomes what it is below.
Spec: https://docs.kernel.org/filesystems/overlayfs.html
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from occystrap.errors import ImageOutputError
from occystrap.image.attributes import OVERLAY_XATTRS, Attributes, Restorer
from occystrap.image.merging import (
    NO_FILE,
    DirectoryFinisher,
    link_anew,
    no_such_source,
)
from occystrap.image.notes import DirectoryNote, ImplicitNote, LinkNote, WhiteoutNote
from occystrap.image.opening import HERE, entered, status_of
from occystrap.image.removal import remove
from occystrap.image.tree import Parts, Tree
from occystrap.image.whiteouts import is_device, is_opaque

if TYPE_CHECKING:
    from pathlib import Path

    from occystrap.image.extraction import LayerExtractor

__all__ = ["copy_attributes", "finish_layers", "read_below"]

#: Where a name was found: an open directory and the name in it; True if it is known to be gone.
_Found: TypeAlias = tuple[int, bytes] | bool


def finish_layers(layers: Sequence[LayerExtractor], *, privileged: bool) -> None:
    """Finish layers that were extracted with the marks of overlayfs, the lowest first.

    Raises:
        ImageInputError: a hard link leads nowhere.
        ImageOutputError: the system can't.
    """
    try:
        with contextlib.ExitStack() as closing:
            trees: list[Tree] = []
            for layer in layers:
                tree = closing.enter_context(Tree(layer.path))
                _link(layer, tree, trees)
                _forget_idle(layer, tree, trees)
                _finish(layer, tree, trees, privileged=privileged)
                trees.append(tree)
    except OSError as error:
        raise ImageOutputError(f"can't finish the layers: {error.strerror}") from error


def read_below(paths: Sequence[str], parts: Parts, limit: int) -> bytes | None:
    """Read a file as it would be seen in layers, the lowest first; None if there is none."""
    with contextlib.ExitStack() as closing:
        trees = [closing.enter_context(Tree(path)) for path in paths]
        with _below(trees, parts) as found:
            if found is None:
                return None
            with Tree(found[0]) as tree:
                return tree.read(found[1], limit)


def copy_attributes(source: Path, target: Path, *, privileged: bool) -> None:
    """Give a directory all that another one has but for the marks of overlayfs."""
    with Tree(source.parent) as above, Tree(target) as other:
        attributes = _attributes(above.root, os.fsencode(source.name))
        if attributes is not None:
            Restorer(privileged=privileged).open_file(other.root, attributes)


def _link(layer: LayerExtractor, tree: Tree, below: Sequence[Tree]) -> None:
    """Put the files into a layer that it has only other names for."""
    for note in layer.notes.read():
        if isinstance(note, LinkNote):
            with _below(below, note.source) as found:
                if found is None:
                    raise no_such_source(note)
                try:
                    link_anew(*found, tree, note)
                except NO_FILE as error:
                    raise no_such_source(note) from error


def _forget_idle(layer: LayerExtractor, tree: Tree, below: Sequence[Tree]) -> None:
    """Remove marks that hide nothing: overlayfs would list them in directories of one layer."""
    for note in layer.notes.read():
        if not isinstance(note, WhiteoutNote):
            continue
        gone = contextlib.suppress(FileNotFoundError, NotADirectoryError)
        with _below(below, note.parts) as found, gone, tree.exactly(note.parts[:-1]) as parent:
            idle = found is None or _is_covered(tree, note.parts)
            if idle and is_device(os.lstat(note.parts[-1], dir_fd=parent)):
                remove(parent, note.parts[-1])


def _finish(layer: LayerExtractor, tree: Tree, below: Sequence[Tree], *, privileged: bool) -> None:
    finisher = DirectoryFinisher(tree, privileged=privileged, left_out=layer.left_out)
    for note in layer.notes.read():
        if isinstance(note, DirectoryNote):
            finisher.note(note.parts, note.attributes)
        elif isinstance(note, ImplicitNote):
            if _is_covered(tree, note.parts):
                continue
            with _below(below, note.parts) as found:
                attributes = None if found is None else _attributes(*found)
            if attributes is not None:
                finisher.note(note.parts, attributes)


def _attributes(parent: int, name: bytes) -> Attributes | None:
    """Read those of a directory."""
    status = status_of(parent, name)
    if not stat.S_ISDIR(status.st_mode):
        return None
    with entered(parent, name) as descriptor:
        xattrs = tuple(
            (os.fsencode(each), os.getxattr(descriptor, each))
            for each in os.listxattr(descriptor)
            if not os.fsencode(each).startswith(OVERLAY_XATTRS)
        )
    mode = stat.S_IMODE(status.st_mode)
    return Attributes(mode, status.st_uid, status.st_gid, status.st_mtime_ns, xattrs)


@contextlib.contextmanager
def _below(trees: Sequence[Tree], parts: Parts) -> Iterator[tuple[int, bytes] | None]:
    """Find what overlayfs would show of some layers under a name."""
    for tree in reversed(trees):
        with contextlib.ExitStack() as closing:
            found = _look(tree, parts, closing)
            if found is True:
                break
            if found is not False:
                yield found
                return
    yield None


def _is_covered(tree: Tree, parts: Parts) -> bool:
    """Say whether a layer shows nothing of those below where this is."""
    with contextlib.ExitStack() as closing:
        directory = closing.enter_context(entered(tree.root, HERE))
        for part in parts[:-1]:
            if is_opaque(directory):
                return True
            try:
                directory = closing.enter_context(entered(directory, part))
            except (FileNotFoundError, NotADirectoryError):
                return True
        return bool(parts) and is_opaque(directory)


def _look(tree: Tree, parts: Parts, closing: contextlib.ExitStack) -> _Found:
    """Find a name in one layer; True if this layer hides it, False if it says nothing of it."""
    if not parts:
        return tree.root, HERE
    directory, hidden = closing.enter_context(entered(tree.root, HERE)), False
    for part in parts[:-1]:
        hidden = hidden or is_opaque(directory)
        try:
            if is_device(os.lstat(part, dir_fd=directory)):
                return True
            directory = closing.enter_context(entered(directory, part))
        except FileNotFoundError:
            return hidden
        except NotADirectoryError:
            return True
    try:
        return True if is_device(os.lstat(parts[-1], dir_fd=directory)) else (directory, parts[-1])
    except FileNotFoundError:
        return hidden or is_opaque(directory)
