"""`exclude`: leave files and directories out of all layers.

Rule: what is left out is as if it had never been packed. A directory goes with all that is in it,
and what says that it is removed from a lower layer goes too; but a file that is still there under
another name, as a hard link, stays.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Final, final

from occystrap.errors import ImageInputError, InvalidOption
from occystrap.image.sources import FileSlice
from occystrap.image.spool import temporary_file
from occystrap.image.tar_member import GLOBAL, HARD_LINK, Member, normal_path
from occystrap.image.tar_reader import Entry

if TYPE_CHECKING:
    from occystrap.image.sources import SharedFile

__all__ = ["Exclude", "whiteout_target"]

#: Before a name: that the lower layers' file of that name is removed. As a whole name: that all is
#: removed which lower layers have in the directory.
WHITEOUT: Final = ".wh."
OPAQUE: Final = ".wh..wh..opq"
_OTHER: Final = ".wh..wh."


def whiteout_target(path: str) -> str | None:
    """Return what a whiteout removes, or the directory that an opaque one clears; else None."""
    directory, name = posixpath.split(path)
    if name == OPAQUE:
        return directory
    if name.startswith(WHITEOUT) and not name.startswith(_OTHER):
        return posixpath.join(directory, name.removeprefix(WHITEOUT))
    return None


@final
class Exclude:
    """Leaves out what matches one of some patterns, as a shell has them; `*` is also any `/`."""

    def __init__(self, patterns: Sequence[str], temp_dir: str | None = None) -> None:
        """Take patterns from the root of the image, with or without a slash before.

        Raises:
            InvalidOption: there is no pattern.
        """
        self.patterns = tuple(normal_path(pattern) for pattern in patterns)
        if not patterns:
            raise InvalidOption("exclude filter requires pattern option")
        self._matchers = [re.compile(fnmatch.translate(pattern)) for pattern in self.patterns]
        self._temp_dir = temp_dir

    @property
    def recipe(self) -> tuple[str, Mapping[str, object]]:
        """Return what makes the result."""
        return "exclude", {"pattern": sorted(set(self.patterns))}

    def excludes(self, path: str) -> bool:
        """Whether a path is left out: it, or a directory above it, matches."""
        while path:
            if any(matcher.match(path) is not None for matcher in self._matchers):
                return True
            path = posixpath.dirname(path)
        return False

    def drops(self, member: Member) -> bool:
        """Whether a member is left out: it, or what it says is removed."""
        if member.kind == GLOBAL:
            return False
        target = whiteout_target(member.path)
        return self.excludes(member.path if target is None else target)

    def rewriter(self) -> _Excluding:
        """Begin with a layer."""
        return _Excluding(self, self._temp_dir)


@final
class _Saved:
    """An excluded file as it last passed by, and the name that it goes on under, once it has one.

    Its content is in a temporary file, from `offset` on.
    """

    def __init__(self, member: Member, offset: int, size: int) -> None:
        self.member = member
        self.offset = offset
        self.size = size
        self.name: bytes | None = None


@final
class _Excluding:
    """Leaves things out of one layer.

    Whether an excluded file is still needed is seen when a link to it comes, and then its content
    has passed. So a first look brings up which are, and the next one saves those.
    """

    learns = True

    def __init__(self, exclude: Exclude, temp_dir: str | None) -> None:
        self._exclude = exclude
        self._temp_dir = temp_dir
        self._needed: frozenset[str] = frozenset()
        self._count = 0
        self.wiser = False

    @property
    def remark(self) -> str:
        """How much was left out."""
        entries = "1 entry" if self._count == 1 else f"{self._count} entries"
        return f"Excluded {entries}" if self._count else ""

    def rewrite(self, entries: Iterator[Entry]) -> Iterator[Entry]:
        """Pass on what stays.

        Raises:
            ImageInputError: a hard link that stays leads to what other layers had.
        """
        look = _Look(self._exclude, self._needed, self._temp_dir)
        with closing(look):
            yield from look.rewrite(entries)
        self._count = look.count
        self.wiser = not look.needed <= self._needed
        self._needed |= look.needed


@final
class _Look:
    """One pass through a layer; `needed` are the excluded files that links lead to."""

    def __init__(self, exclude: Exclude, save: frozenset[str], temp_dir: str | None) -> None:
        self.needed: set[str] = set()
        self.count = 0
        self._exclude = exclude
        self._save = save
        self._temp_dir = temp_dir
        self._file: SharedFile | None = None
        self._end = 0
        self._saved: dict[str, _Saved] = {}
        #: Excluded hard links, and what they lead to.
        self._aliases: dict[str, bytes] = {}

    def rewrite(self, entries: Iterator[Entry]) -> Iterator[Entry]:
        for entry in entries:
            member = entry.member
            if self._exclude.drops(member):
                self.count += 1
                self._drop(entry)
            elif member.kind == HARD_LINK and self._exclude.excludes(normal_path(member.link)):
                yield from self._relink(entry)
            else:
                yield entry

    def close(self) -> None:
        """Free the disk."""
        if self._file is not None:
            self._file.close()

    def _drop(self, entry: Entry) -> None:
        path = entry.member.path
        self._aliases.pop(path, None)
        if entry.member.kind == HARD_LINK:
            self._aliases[path] = entry.member.link
        elif path in self._save:
            self._saved[path] = self._put_away(entry)

    def _put_away(self, entry: Entry) -> _Saved:
        if self._file is None:
            self._file = temporary_file(self._temp_dir)
        start = self._end
        for piece in entry.blocks:
            self._file.write_at(self._end, piece)
            self._end += len(piece)
        return _Saved(entry.member, start, self._end - start)

    def _relink(self, entry: Entry) -> Iterator[Entry]:
        """Let the link become the file, or lead to another link that has become it."""
        link, target = self._origin(entry.member.link)
        if not self._exclude.excludes(target):
            yield Entry(entry.member.linked(link))
            return
        self.needed.add(target)
        saved = self._saved.get(target)
        if saved is None:
            if target in self._save:
                raise ImageInputError(
                    f"{entry.member.path!r} is a hard link to {target!r}, which is excluded, and"
                    " which isn't in the same layer: it can't be kept"
                )
        elif saved.name is None:
            saved.name = entry.member.name
            yield Entry(saved.member.renamed(saved.name), self._content(saved))
        else:
            yield Entry(entry.member.linked(saved.name))

    def _content(self, saved: _Saved) -> Iterable[bytes]:
        if self._file is None or not saved.size:
            return ()
        return FileSlice(self._file, saved.offset, saved.size).open()

    def _origin(self, link: bytes) -> tuple[bytes, str]:
        """Follow excluded links to what they lead to."""
        path = normal_path(link)
        for _ in range(len(self._aliases) + 1):
            if path not in self._aliases:
                break
            link = self._aliases[path]
            path = normal_path(link)
        return link, path
