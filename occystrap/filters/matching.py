"""Finding files in layers by their names, and telling of them.

Rule: this knows tars and nothing around them; the filter `search` and whoever else looks for files
find, and say, the same.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final, TypeAlias, final

from occystrap.errors import InvalidOption
from occystrap.image.tar_member import Member
from occystrap.image.tar_reader import TarReader

__all__ = [
    "LayerMatches",
    "Match",
    "Matcher",
    "matcher",
    "search_tar",
    "told_to_people",
    "told_to_scripts",
]

#: Whether a path, which has a slash at neither end, is one that is looked for.
Matcher: TypeAlias = Callable[[str], bool]

_FILE: Final = "file"
_KINDS: Final = {
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "character device",
    b"4": "block device",
    b"5": "directory",
    b"6": "fifo",
}
_LINKS: Final = frozenset({"hardlink", "symlink"})
#: What would be more than a character of a name, to a terminal or to a script.
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def matcher(pattern: str, *, regex: bool = False) -> Matcher:
    """Read a pattern: a glob that whole paths or their last parts match, or an expression.

    In a glob a star is also any slash, and a slash at its beginning is that of the root. An
    expression is looked for anywhere in a path, which doesn't begin with a slash.

    Raises:
        InvalidOption: it is empty, or no regular expression.
    """
    if not pattern:
        raise InvalidOption("search filter requires pattern option")
    if regex:
        try:
            expression = re.compile(pattern)
        except re.error as error:
            raise InvalidOption(f"{pattern!r} is no regular expression: {error}") from error
        return lambda path: expression.search(path) is not None
    glob = re.compile(fnmatch.translate(pattern.lstrip("/") or pattern)).match
    return lambda path: glob(path) is not None or glob(posixpath.basename(path)) is not None


@final
@dataclass(frozen=True, slots=True)
class Match:
    """A file, or what else a layer holds; `size` is that of a file, `target` that of a link."""

    path: str
    kind: str
    size: int = 0
    target: str = ""

    @classmethod
    def of(cls, member: Member) -> Match:
        """Describe a member of a tar."""
        kind = _KINDS.get(member.kind, _FILE)
        size = member.real_size if kind == _FILE else 0
        target = member.link.decode(errors="surrogateescape") if kind in _LINKS else ""
        return cls(member.path, kind, size, target)

    def __str__(self) -> str:
        path = _printable(self.path)
        if self.kind == _FILE:
            return f"{path} (file, {self.size} bytes)"
        arrow = f" -> {_printable(self.target)}" if self.target else ""
        return f"{path}{arrow} ({self.kind})"


@final
@dataclass(frozen=True, slots=True)
class LayerMatches:
    """What was found in a layer, in the order of its tar; `layer` is the layer's name."""

    layer: str
    matches: tuple[Match, ...]


def search_tar(chunks: Iterable[bytes], matches: Matcher, what: str = "the layer") -> list[Match]:
    """Find what matches in a tar, which is read to its end.

    Raises:
        ImageInputError: it is no tar, or damaged.
    """
    with closing(TarReader(chunks, what)) as reader:
        members = (entry.member for entry in reader.entries())
        found = [Match.of(m) for m in members if m.header and m.path and matches(m.path)]
        for _ in reader.rest():
            pass
    return found


def told_to_people(layers: Sequence[LayerMatches], platform: str = "") -> Iterator[str]:
    """Write the lines that people read: what was found layer by layer, and how much it is."""
    if platform:
        yield f"Platform: {platform}"
    found = [layer for layer in layers if layer.matches]
    for layer in found:
        yield f"Layer: {layer.layer}"
        for match in layer.matches:
            yield f"  {match}"
        yield ""
    count = sum(len(layer.matches) for layer in found)
    yield f"Found {count} match(es) in {len(found)} layer(s)." if found else "No matches found."
    if platform:
        yield ""


def told_to_scripts(layers: Sequence[LayerMatches], image: str) -> Iterator[str]:
    """Write a line for each match, `IMAGE:LAYER:PATH`; none if there is none."""
    for layer in layers:
        for match in layer.matches:
            yield f"{image}:{layer.layer}:{_printable(match.path)}"


def _printable(text: str) -> str:
    """Keep a name on its line: what can't be printed is escaped, as in Python."""
    return _UNPRINTABLE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    # A lone surrogate stands for a byte that is no UTF-8.
    code = code & 0xFF if 0xDC80 <= code <= 0xDCFF else code  # noqa: PLR2004
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004
