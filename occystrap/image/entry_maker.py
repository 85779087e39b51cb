"""The files, directories, links and devices that a tar of a layer has, made one by one.

Rule: each is made below a directory that is open, under a name without a slash, and never through
a link. What the layer had before under the same name is gone then.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar, final

from occystrap.image.attributes import Attributes, Restorer, device_of
from occystrap.image.chunk_reader import ChunkReader
from occystrap.image.opening import opened
from occystrap.image.removal import remove
from occystrap.image.sparse import is_sparse, read_map
from occystrap.image.tar_member import DIRECTORY, HARD_LINK, SYMBOLIC_LINK
from occystrap.image.tree import Parts, Tree, link, parts_of
from occystrap.image.whiteouts import PREFIX, is_device

if TYPE_CHECKING:
    from occystrap.image.budget import Budget
    from occystrap.image.notes import Notes
    from occystrap.image.tar_reader import Entry
    from occystrap.image.whiteouts import WhiteoutMarks

__all__ = ["EntryMaker", "ExtractionRules", "Place"]

_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DEVICES: Final = {b"3": stat.S_IFCHR, b"4": stat.S_IFBLK}
_PIPE: Final = b"6"
#: Tools make next to none of these.
_MOST_WAITING: Final = 100_000

#: An open directory, and a name in it.
Place: TypeAlias = tuple[int, bytes]
Made = TypeVar("Made")


@final
@dataclass(frozen=True, slots=True)
class ExtractionRules:
    """How layers are extracted; only who is `privileged` can give files away or make `devices`."""

    privileged: bool
    marks: WhiteoutMarks
    devices: bool = False


@final
class EntryMaker:
    """Makes what the entries of one layer say; `has_marks` once it removes anything below it."""

    def __init__(
        self,
        tree: Tree,
        rules: ExtractionRules,
        budget: Budget,
        restorer: Restorer,
        notes: Notes,
    ) -> None:
        self.has_marks = False
        self._tree = tree
        self._rules = rules
        self._budget = budget
        self._restorer = restorer
        self._notes = notes
        self._waiting: dict[Parts, Parts] = {}

    def make(self, place: Place, entry: Entry, above: Parts) -> None:
        """Make what an entry says, in the directory that really is at `above`.

        Raises:
            ValueError: it makes no sense, or no image may have it.
            OSError: the system can't.
        """
        make = _KINDS.get(entry.member.kind)
        if make is None:
            kind = entry.member.kind.decode(errors="backslashreplace")
            raise ValueError(f"it is of the kind {kind!r}, which no image may have")
        make(self, place, entry, above)

    def hide(self, parent: int, above: Parts, name: bytes) -> None:
        """Remember that a name of the layers below is gone."""
        self.has_marks = True
        self._rules.marks.hide(parent, name)
        self._notes.whiteout((*above, name))

    def _remove(self, parent: int, name: bytes) -> None:
        """Make room for what the layer has anew."""
        self._tree.forget()
        remove(parent, name)

    def _create(self, place: Place, make: Callable[[], Made]) -> Made:
        """Make what isn't there, in place of what the layer had before under the same name."""
        try:
            return make()
        except FileExistsError:
            self._remove(*place)
            return make()

    def file(self, place: Place, entry: Entry, _above: Parts) -> None:
        """Make a file."""
        member = entry.member
        attributes = Attributes.of(member)
        parent, name = place
        descriptor = self._create(place, lambda: os.open(name, _CREATE, 0o600, dir_fd=parent))
        try:
            if is_sparse(member):
                self._write_sparse(descriptor, entry)
            else:
                for piece in ChunkReader(iter(entry.blocks)).pieces(member.size):
                    _write(descriptor, piece)
            self._restorer.open_file(descriptor, attributes)
        finally:
            os.close(descriptor)

    def _write_sparse(self, descriptor: int, entry: Entry) -> None:
        member = entry.member
        self._budget.take(max(0, member.real_size - member.size))
        content = ChunkReader(iter(entry.blocks))
        for offset, size in read_map(member, content):
            os.lseek(descriptor, offset, os.SEEK_SET)
            for piece in content.pieces(size):
                _write(descriptor, piece)
        os.ftruncate(descriptor, member.real_size)

    def directory(self, place: Place, entry: Entry, above: Parts) -> None:
        """Make a directory, or note what is said anew of one that is there."""
        attributes = Attributes.of(entry.member)
        parent, name = place
        try:
            os.mkdir(name, 0o700, dir_fd=parent)
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(name, dir_fd=parent).st_mode):
                self._replace_by_directory(parent, name)
        self._notes.directory((*above, name), attributes)

    def _replace_by_directory(self, parent: int, name: bytes) -> None:
        """Put a directory where the layer had something else, which has hidden those below."""
        self.has_marks = True
        if self._rules.marks.gives_way(parent, name):
            return
        self._remove(parent, name)
        os.mkdir(name, 0o700, dir_fd=parent)
        with opened(parent, name) as descriptor:
            self._rules.marks.make_opaque(descriptor)

    def symbolic_link(self, place: Place, entry: Entry, _above: Parts) -> None:
        """Make a symbolic link, wherever it leads."""
        attributes = Attributes.of(entry.member)
        parent, name = place
        if not entry.member.link:
            raise ValueError("it is a symbolic link to nothing")
        self._create(place, lambda: os.symlink(entry.member.link, name, dir_fd=parent))
        self._restorer.entry(parent, name, attributes, link=True)

    def pipe(self, place: Place, entry: Entry, _above: Parts) -> None:
        """Make a named pipe."""
        attributes = Attributes.of(entry.member)
        parent, name = place
        self._create(place, lambda: os.mkfifo(name, 0o600, dir_fd=parent))
        self._restorer.entry(parent, name, attributes, link=False)

    def device(self, place: Place, entry: Entry, above: Parts) -> None:
        """Make a device, if that is wanted."""
        numbers = device_of(entry.member.header)
        attributes = Attributes.of(entry.member)
        parent, name = place
        if not (self._rules.devices and self._rules.privileged) or numbers == (0, 0):
            # It isn't there, but what it takes the place of isn't either.
            self._restorer.left_out["devices"] += 1
            with contextlib.suppress(FileNotFoundError):
                self._remove(parent, name)
            self.hide(parent, above, name)
            return
        mode = _DEVICES[entry.member.kind] | 0o600
        device = os.makedev(*numbers)
        self._create(place, lambda: os.mknod(name, mode, device, dir_fd=parent))
        self._restorer.entry(parent, name, attributes, link=False)

    def hard_link(self, place: Place, entry: Entry, above: Parts) -> None:
        """Give a file another name; one of the layers below has to wait until they are there.

        The file keeps the attributes that came with it.
        """
        source = parts_of(entry.member.link)
        if not source or any(part.startswith(PREFIX) for part in source):
            raise ValueError("it is a hard link to what no file can be")
        parent, name = place
        try:
            with self._tree.find(source[:-1]) as other:
                status = os.lstat(source[-1], dir_fd=other)
                if stat.S_ISDIR(status.st_mode):
                    raise ValueError("it is a hard link to a directory")
                if is_device(status):
                    raise FileNotFoundError  # noqa: TRY301 - the layer says that it is gone
                if not _is_same(place, (other, source[-1])):
                    self._create(place, lambda: link(other, source[-1], parent, name))
        except FileNotFoundError:
            with contextlib.suppress(FileNotFoundError):
                self._remove(parent, name)
            if len(self._waiting) >= _MOST_WAITING:
                raise ValueError("there are too many hard links to lower layers") from None
            self._waiting[*above, name] = source = self._waiting.get(source, source)
            self._notes.link((*above, name), source)


_KINDS: Final = {
    **dict.fromkeys((b"0", b"\0", b"7", b"S"), EntryMaker.file),
    HARD_LINK: EntryMaker.hard_link,
    SYMBOLIC_LINK: EntryMaker.symbolic_link,
    **dict.fromkeys(_DEVICES, EntryMaker.device),
    DIRECTORY: EntryMaker.directory,
    _PIPE: EntryMaker.pipe,
}


def _write(descriptor: int, piece: bytes) -> None:
    done = 0
    while done < len(piece):
        done += os.write(descriptor, piece[done:] if done else piece)


def _is_same(place: Place, other: Place) -> bool:
    try:
        here, there = (os.lstat(name, dir_fd=parent) for parent, name in (place, other))
    except FileNotFoundError:
        return False
    return os.path.samestat(here, there)
