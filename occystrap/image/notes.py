"""What is to be done to a layer once it is extracted, or once the layers below it are.

Rule: notes wait in a spool, in their order, so that memory doesn't grow with their number.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias, final

from occystrap.image.attributes import Attributes
from occystrap.image.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from occystrap.image.tree import Parts

__all__ = ["DirectoryNote", "ImplicitNote", "LinkNote", "Note", "Notes", "WhiteoutNote"]


@final
@dataclass(frozen=True, slots=True)
class DirectoryNote:
    """The layer says this of a directory."""

    parts: Parts
    attributes: Attributes


@final
@dataclass(frozen=True, slots=True)
class ImplicitNote:
    """The layer has something in a directory of which it says nothing."""

    parts: Parts


@final
@dataclass(frozen=True, slots=True)
class LinkNote:
    """The layer has another name for a file that it doesn't have itself."""

    parts: Parts
    source: Parts


@final
@dataclass(frozen=True, slots=True)
class WhiteoutNote:
    """The layer says that this is gone."""

    parts: Parts


Note: TypeAlias = DirectoryNote | ImplicitNote | LinkNote | WhiteoutNote


@final
class Notes:
    """Takes notes, and then gives them any number of times."""

    def __init__(self, temp_dir: str | None) -> None:
        self._spool = Spool(temp_dir)

    def directory(self, parts: Parts, attributes: Attributes) -> None:
        """Note what the layer says of a directory."""
        said = attributes
        numbers = (said.mode, said.uid, said.gid, said.mtime)
        self._write("directory", parts, numbers, [_texts(pair) for pair in said.xattrs])

    def implicit(self, parts: Parts) -> None:
        """Note a directory that had to be made."""
        self._write("implicit", parts)

    def link(self, parts: Parts, source: Parts) -> None:
        """Note a hard link that has to wait."""
        self._write("link", parts, _texts(source))

    def whiteout(self, parts: Parts) -> None:
        """Note what is gone."""
        self._write("whiteout", parts)

    def read(self) -> Iterator[Note]:
        """Give the notes in the order in which they were taken."""
        rest = b""
        for chunk in self._spool.open():
            *lines, rest = (rest + chunk).split(b"\n")
            yield from map(_note, lines)

    def close(self) -> None:
        """Forget them; may be called twice."""
        self._spool.close()

    def _write(self, kind: str, parts: Parts, *more: object) -> None:
        self._spool.write(json.dumps([kind, _texts(parts), *more]).encode() + b"\n")


def _texts(parts: tuple[bytes, ...]) -> list[str]:
    return [part.decode("latin-1") for part in parts]


def _parts(texts: list[str]) -> Parts:
    return tuple(text.encode("latin-1") for text in texts)


def _directory(parts: Parts, numbers: list[int], xattrs: list[list[str]]) -> Note:
    mode, uid, gid, mtime = numbers
    pairs = tuple((_parts(pair)[0], _parts(pair)[1]) for pair in xattrs)
    return DirectoryNote(parts, Attributes(mode, uid, gid, mtime, pairs))


_READ: Final[dict[str, Callable[..., Note]]] = {
    "directory": _directory,
    "implicit": ImplicitNote,
    "link": lambda parts, source: LinkNote(parts, _parts(source)),
    "whiteout": WhiteoutNote,
}


def _note(line: bytes) -> Note:
    kind, parts, *more = json.loads(line)
    return _READ[kind](_parts(parts), *more)
