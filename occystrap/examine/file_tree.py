"""The files that an image shows, put together from its layers in memory.

Rule: a layer's whiteouts remove what the layers below it have, and nothing that it has itself. Of a
file's content a hash is kept, no byte.
Spec: https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#applying-changesets
"""

from __future__ import annotations

import hashlib
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Final, final

from occystrap.image.tar_blocks import number
from occystrap.image.tar_member import DIRECTORY, HARD_LINK, Member
from occystrap.image.tar_reader import Entry, TarReader

__all__ = ["FileState", "FileTree"]

_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"
_LINK_KINDS: Final = {b"2": "symlink", HARD_LINK: "hardlink"}
_KINDS: Final = {
    b"3": "character device",
    b"4": "block device",
    DIRECTORY: "directory",
    b"6": "fifo",
    **_LINK_KINDS,
}
_PERMISSIONS: Final = 0o7777


@dataclass(frozen=True, slots=True)
class FileState:
    """What a file is; `layer` is the one that it comes from, and no part of what it is.

    `content` is a hash of a file's bytes, and `target` that of a link.
    """

    kind: str
    mode: int
    uid: int
    gid: int
    size: int = 0
    content: bytes = b""
    target: str = ""
    mtime: int = 0
    layer: int = field(default=0, compare=False)


@dataclass(slots=True)
class _Changes:
    """What one layer says."""

    removed: set[str] = field(default_factory=set[str])
    opaque: set[str] = field(default_factory=set[str])
    put: dict[str, FileState] = field(default_factory=dict[str, FileState])


@final
class FileTree:
    """Files by path, which begins at the root of the image without a slash."""

    def __init__(self) -> None:
        self._files: dict[str, FileState] = {}
        self._names: defaultdict[str, set[str]] = defaultdict(set)

    @property
    def files(self) -> Mapping[str, FileState]:
        """All that is there."""
        return self._files

    def copy(self) -> FileTree:
        """Make another one that goes its own way."""
        other = FileTree()
        other._files = dict(self._files)
        other._names = defaultdict(set, {k: set(v) for k, v in self._names.items()})
        return other

    def apply(self, layer: int, tar: Iterable[bytes]) -> None:
        """Put a layer on top, reading its tar to the end.

        Raises:
            ImageInputError: it is no tar, or damaged.
        """
        changes = _Changes()
        with closing(TarReader(tar, f"layer {layer}")) as reader:
            for entry in reader.entries():
                if entry.member.header:
                    _note(changes, entry, layer, reader)
            for _ in reader.rest():
                pass
        for path in changes.opaque:
            self._empty(path)
        for path in changes.removed:
            self._remove(path)
        for path, state in changes.put.items():
            self._put(path, self._resolved(state, changes))

    def _resolved(self, state: FileState, changes: _Changes) -> FileState:
        """Make of a hard link the file that it leads to, if there is one."""
        if state.kind != _LINK_KINDS[HARD_LINK]:
            return state
        found = changes.put.get(state.target) or self._files.get(state.target)
        if found is None or found.kind == state.kind:
            return state
        return replace(found, layer=state.layer)

    def _put(self, path: str, state: FileState) -> None:
        if state.kind != _KINDS[DIRECTORY]:
            self._empty(path)
        self._files[path] = state
        while path:  # directories that no layer mentions are there, too
            parent = posixpath.dirname(path)
            self._names[parent].add(path)
            path = parent

    def _remove(self, path: str) -> None:
        self._empty(path)
        self._files.pop(path, None)
        self._names[posixpath.dirname(path)].discard(path)

    def _empty(self, path: str) -> None:
        waiting = list(self._names.pop(path, ()))
        while waiting:
            child = waiting.pop()
            self._files.pop(child, None)
            waiting += self._names.pop(child, ())


def _note(changes: _Changes, entry: Entry, layer: int, reader: TarReader) -> None:
    member = entry.member
    parent, name = posixpath.split(member.path)
    if name == _OPAQUE:
        changes.opaque.add(parent)
    elif name.startswith(_WHITEOUT):
        changes.removed.add(posixpath.join(parent, name.removeprefix(_WHITEOUT)))
    elif name:
        try:
            changes.put[member.path] = _state(member, entry.blocks, layer)
        except ValueError as error:
            raise reader.damaged(error) from error


def _state(member: Member, blocks: Iterable[bytes], layer: int) -> FileState:
    header = member.header
    kind = _KINDS.get(member.kind, "file")
    link = member.link.decode(errors="surrogateescape")
    if member.kind == HARD_LINK:
        link = posixpath.normpath("/" + link.lstrip("/"))[1:]
    return FileState(
        kind,
        number(header, "mode") & _PERMISSIONS,
        _owner(member, b"uid"),
        _owner(member, b"gid"),
        member.real_size if member.is_file else 0,
        _hash(blocks, member.size) if member.is_file else b"",
        link if member.kind in _LINK_KINDS else "",
        number(header, "mtime"),
        layer,
    )


def _owner(member: Member, name: bytes) -> int:
    said = [value for each in member.extensions for key, value in each.records if key == name]
    return int(said[-1]) if said else number(member.header, name.decode())


def _hash(blocks: Iterable[bytes], size: int) -> bytes:
    """Hash the content without what fills it up."""
    found = hashlib.blake2b(digest_size=16)
    for piece in _cut(blocks, size):
        found.update(piece)
    return found.digest()


def _cut(blocks: Iterable[bytes], size: int) -> Iterator[bytes]:
    for piece in blocks:
        yield piece[:size]
        size -= min(size, len(piece))
