"""Made-up layers, and what they are when they lie one over the other, by the words of the spec.

Rule: this is the specification once more, on dictionaries instead of file systems.
https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#applying-changesets
"""

from __future__ import annotations

import os
import stat
import tarfile
from pathlib import Path
from typing import Final

from hypothesis import strategies as st

from tests.support.images import Entry, file, layer, special

__all__ = ["COMPLETE_LAYERINGS", "LAYERINGS", "Layering", "Seen", "look_at"]

#: What is at a path: its kind, its mode, and its content or where it leads.
Seen = tuple[str, int, str]

_IMPLICIT: Final = ("dir", 0o755, "")
_NAMES: Final = st.sampled_from(["a", "b", "c"])
_PATHS: Final = st.lists(_NAMES, min_size=1, max_size=3).map("/".join)
_KINDS: Final = st.sampled_from(["file", "file", "dir", "link", "hard", "gone", "opaque"])


class Layering:
    """Some tars, the lowest first, and what is to be seen of them."""

    def __init__(self, tars: list[bytes], names: list[list[str]], seen: dict[str, Seen]) -> None:
        self.tars = tars
        self.names = names
        self.seen = seen

    def __repr__(self) -> str:
        return f"<Layering of {self.names}>"


class _Layer:
    """One layer while it is made up, over what the layers below show.

    A complete one is as tools make them: it has an entry for each directory that it has something
    in, which its owner can enter, and links to nothing that it hides itself.
    """

    def __init__(self, below: dict[str, Seen], *, complete: bool) -> None:
        self.below = below
        self.complete = complete
        self.entries: list[Entry] = []
        self.own: dict[str, Seen] = {}
        self.gone: set[str] = set()
        self.opaque: set[str] = set()

    def fits(self, path: str, kind: str) -> bool:
        """Say whether the layer can have this as well."""
        above = _above(path)
        if any(self.own.get(each, _IMPLICIT)[0] != "dir" for each in above):
            return False
        if kind == "gone":
            return path not in self.gone
        if path in self.own:
            return False
        below_it = any(
            each.startswith(f"{path}/") for each in (*self.own, *self.gone, *self.opaque)
        )
        return kind in ("dir", "opaque") or not (below_it or path in self.opaque)

    def add(self, path: str, kind: str, mode: int, word: str) -> None:
        """Add an entry."""
        if self.complete:
            self._mention([*_above(path), path] if kind == "opaque" else _above(path))
        if kind == "gone":
            self.gone.add(path)
            parent, _, name = path.rpartition("/")
            self.entries.append(file(f"{parent}/.wh.{name}"))
        elif kind == "opaque":
            self.opaque.add(path)
            self.entries.append(file(f"{path}/.wh..wh..opq"))
        elif kind == "dir":
            mode |= 0o700 if self.complete else 0
            self.own[path] = ("dir", mode, "")
            self.entries.append(special(path, tarfile.DIRTYPE, mode=mode))
        elif kind == "link":
            self.own[path] = ("link", 0, word)
            self.entries.append(special(path, tarfile.SYMTYPE, word))
        elif kind == "hard":
            self._add_hard_link(path, word)
        else:
            self.own[path] = ("file", mode, word)
            self.entries.append(file(path, word.encode(), mode))

    def _mention(self, directories: list[str]) -> None:
        """Add directories, as they are below if they are there."""
        for path in directories:
            if path not in self.own:
                kind, mode, _ = self.below.get(path, _IMPLICIT)
                self.add(path, "dir", mode if kind == "dir" else _IMPLICIT[1], "")

    def _add_hard_link(self, path: str, word: str) -> None:
        """Link to a file that is there: of this layer, or of those below if they can be seen."""
        mentioned = (*self.own, *self.gone, *self.opaque)
        files = [each for each, seen in self.own.items() if seen[0] == "file"]
        files += [
            each
            for each, seen in self.below.items()
            if seen[0] == "file"
            and each not in self.own
            and each != path
            and each not in self.gone
            and each not in self.opaque  # which makes a directory of it
            and all(up != path and self.own.get(up, _IMPLICIT)[0] == "dir" for up in _above(each))
            and not self.gone & {*_above(each)}
            and not (self.complete and self.opaque & {*_above(each)})
            and not any(own.startswith(f"{each}/") for own in (*mentioned, path))
        ]
        if not files:
            return
        target = files[len(word) * 7 % len(files)]
        self.own[path] = self.own.get(target) or self.below[target]
        self.entries.append(special(path, tarfile.LNKTYPE, target, 0o644))

    def result(self) -> dict[str, Seen]:
        """Apply the layer."""
        seen = dict(self.below)
        directories = {each for path in (*self.own, *self.gone) for each in _above(path)}
        directories |= {each for path in self.opaque for each in (*_above(path), path)}
        directories |= {path for path, entry in self.own.items() if entry[0] == "dir"}
        for path in self.gone:
            _remove(seen, path, itself=path not in directories)
        for path in self.opaque:
            _remove(seen, path, itself=False)
        for path in sorted(directories):
            if seen.get(path, ("", 0, ""))[0] != "dir":
                _remove(seen, path, itself=True)
                seen[path] = _IMPLICIT
        for path, entry in self.own.items():
            if entry[0] != "dir":
                _remove(seen, path, itself=True)
            seen[path] = entry
        return seen


def _above(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: number + 1]) for number in range(len(parts))]


def _remove(seen: dict[str, Seen], path: str, *, itself: bool) -> None:
    for each in [name for name in seen if name.startswith(f"{path}/")]:
        del seen[each]
    if itself:
        seen.pop(path, None)


def _written(info: tarfile.TarInfo) -> str:
    return f"{info.type.decode()} {info.name} {info.linkname} {info.mode:o}"


@st.composite
def _layerings(draw: st.DrawFn, *, complete: bool) -> Layering:
    seen: dict[str, Seen] = {}
    tars: list[bytes] = []
    names: list[list[str]] = []
    for _ in range(draw(st.integers(1, 4))):
        made = _Layer(seen, complete=complete)
        for _ in range(draw(st.integers(0, 8))):
            path, kind = draw(_PATHS), draw(_KINDS)
            mode = draw(st.sampled_from([0o755, 0o700, 0o640, 0o555, 0o777]))
            word = draw(st.text("xyz", min_size=1, max_size=5))
            if made.fits(path, kind):
                made.add(path, kind, mode, word)
        tars.append(layer(*made.entries))
        names.append([_written(info) for info, _ in made.entries])
        seen = made.result()
    return Layering(tars, names, seen)


LAYERINGS: Final = _layerings(complete=False)
#: Those that tools make, about which extractors agree.
COMPLETE_LAYERINGS: Final = _layerings(complete=True)


def look_at(root: Path) -> dict[str, Seen]:
    """See what is below a directory, also below those that their owner may not enter."""
    seen: dict[str, Seen] = {}
    locked: list[tuple[Path, int]] = []
    for directory, directories, files in os.walk(root):
        for name in (*directories, *files):
            path = Path(directory, name)
            mode = path.lstat().st_mode
            described = str(path.relative_to(root))
            if stat.S_ISLNK(mode):
                seen[described] = ("link", 0, str(path.readlink()))
            elif stat.S_ISDIR(mode):
                seen[described] = ("dir", stat.S_IMODE(mode), "")
                if os.geteuid() != 0 and mode & stat.S_IRWXU != stat.S_IRWXU:
                    locked.append((path, stat.S_IMODE(mode)))
                    path.chmod(stat.S_IRWXU)
            else:
                seen[described] = ("file", stat.S_IMODE(mode), path.read_text())
    for path, mode in reversed(locked):  # it can be removed again where its owner may list it
        path.chmod(mode)
    return seen
