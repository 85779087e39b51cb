"""Extracting the tar of a layer into a directory of its own.

Rule: a tar is a program by a stranger. Whatever it says, nothing outside of the directory is read
or written (`tree`), nothing is trusted that overlayfs would obey, the image takes no more than its
`Budget`, and memory doesn't grow with it. What is wrong with it is an `ImageInputError`.
Spec: https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final, final

from occystrap.errors import ImageInputError, ImageOutputError, OccystrapError
from occystrap.image.attributes import Attributes, Restorer
from occystrap.image.directories import make_root
from occystrap.image.entry_maker import EntryMaker, ExtractionRules
from occystrap.image.notes import Notes
from occystrap.image.tar_member import DIRECTORY, GLOBAL
from occystrap.image.tar_reader import TarReader
from occystrap.image.tree import Parts, Tree, parts_of, shown
from occystrap.image.whiteouts import OPAQUE, PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from occystrap.image.budget import Budget
    from occystrap.image.tar_member import Member
    from occystrap.image.tar_reader import Entry

__all__ = ["LayerExtractor"]

#: AUFS has files of its own in the tree, which are nobody's.
_AUFS: Final = b".wh..wh."


@final
class LayerExtractor:
    """Extracts one layer; `notes` has what can be done only when the layers below are there.

    `has_marks` tells whether the layer removes anything from the layers below it, `size` how many
    bytes its tar had, and `left_out` counts what the system has refused.
    """

    def __init__(
        self, path: str, rules: ExtractionRules, budget: Budget, temp_dir: str | None
    ) -> None:
        """Make the directory."""
        make_root(path)
        self.path = path
        self.notes = Notes(temp_dir)
        self.size = 0
        restorer = Restorer(privileged=rules.privileged)
        self.left_out = restorer.left_out
        self._marks = rules.marks
        self._budget = budget
        self._tree = Tree(path, on_make=self._note_made, gives_way=rules.marks.gives_way)
        self._maker = EntryMaker(self._tree, rules, budget, restorer, self.notes)
        self.notes.implicit(())

    @property
    def has_marks(self) -> bool:
        """Whether the layer removes anything from the layers below it."""
        return self._maker.has_marks

    def close(self) -> None:
        """Close the directory; may be called twice."""
        self._tree.close()

    def extract(self, chunks: Iterable[bytes], what: str) -> None:
        """Extract a tar; `what` names it in errors.

        Raises:
            ImageInputError: it is damaged, too large, or wants what no image may.
            ImageOutputError: the system can't.
        """
        reader = TarReader(self._metered(chunks), what)
        try:
            for entry in reader.entries():
                with _explained(what, entry.member):
                    self._extract(entry)
        except ImageInputError:
            for _ in reader.rest():  # a source that verifies itself has the first word
                pass
            raise
        else:
            for _ in reader.rest():
                pass
        finally:
            reader.close()

    def _metered(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._budget.take(len(chunk))
            self.size += len(chunk)
            yield chunk

    def _extract(self, entry: Entry) -> None:
        member = entry.member
        if member.kind == GLOBAL:
            return
        self._budget.take_entry()
        parts = parts_of(member.name)
        if not parts:
            self._extract_root(member)
        elif any(part.startswith(PREFIX) for part in parts):
            self._mark(parts)
        else:
            parent, above = self._tree.make(parts[:-1])
            self._maker.make((parent, parts[-1]), entry, above)

    def _extract_root(self, member: Member) -> None:
        if member.kind != DIRECTORY:
            raise ValueError("the root of an image can be nothing but a directory")
        self.notes.directory((), Attributes.of(member))

    def _note_made(self, parts: Parts) -> None:
        if parts[-1].startswith(PREFIX):  # a symbolic link has led there
            raise ValueError("it is below a whiteout")
        self.notes.implicit(parts)

    def _mark(self, parts: Parts) -> None:
        """Keep in mind what the layer removes."""
        *above, name = parts
        if any(part.startswith(_AUFS) for part in above):
            return
        if any(part.startswith(PREFIX) for part in above):
            raise ValueError("it is below a whiteout")
        if name.startswith(_AUFS) and name != OPAQUE:
            return
        parent, really = self._tree.make(tuple(above))
        hidden = name.removeprefix(PREFIX)
        if name == OPAQUE:
            self._maker.has_marks = True
            self._marks.make_opaque(parent)
        elif hidden in (b"", b".", b".."):
            raise ValueError("it is a whiteout of nothing")
        else:
            self._maker.hide(parent, really, hidden)


@contextlib.contextmanager
def _explained(what: str, member: Member) -> Iterator[None]:
    """Say which member it was that couldn't be extracted."""
    try:
        yield
    except OSError as error:
        message = f"can't extract {shown(member.name)}: {error.strerror}"
        raise ImageOutputError(message) from error
    except (ValueError, ArithmeticError, EOFError) as error:
        if isinstance(error, OccystrapError):
            raise
        message = f"{what} can't be extracted: {shown(member.name)}: {error}"
        raise ImageInputError(message) from error
