"""Whether the layers of an image are sound: what they hash to, and what is in their tars.

Rule: each layer is read once, and nothing of it is held but the names that may come again.
"""

from __future__ import annotations

import hashlib
import posixpath
import threading
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Final, final

from occystrap.errors import ImageInputError, VerificationError
from occystrap.image.checks import CheckResult, CheckResults, Severity
from occystrap.image.element import IMAGE_LAYER
from occystrap.image.progress import tracked
from occystrap.image.tar_blocks import number
from occystrap.image.tar_reader import TarReader
from occystrap.image.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from occystrap.image.layer import Layer
    from occystrap.image.progress import Progress
    from occystrap.image.tar_member import Member
    from occystrap.inputs.base import ImageInput

__all__ = ["check_layers"]

_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"
_SET_ID: Final = 0o6000
_WORLD_WRITABLE: Final = 0o002
_MOST_DUPLICATES: Final = 10
#: Findings of one kind in a layer that are told one by one.
_MOST_ALIKE: Final = 10


def check_layers(source: ImageInput, *, max_workers: int, progress: Progress) -> CheckResults:
    """Read all layers, so many at once, and check them; results are in the order of the layers.

    Raises:
        OccystrapError: one can't be fetched, which says nothing of whether it is sound.
    """
    layers: dict[int, Layer] = {}
    for element in source.fetch():
        layer = element.open_layer() if element.element_type == IMAGE_LAYER else None
        if layer is not None:
            place = len(layers) if element.layer_index is None else element.layer_index
            layers[place] = layer
    files = _Files()
    found: dict[int, list[CheckResult]] = {}

    def check(index: int, layer: Layer) -> None:
        task = progress.task(f"layer {index}", None)
        found[index] = _Layer(index, files).check(workers.guard(tracked(layer.open_tar(), task)))
        task.finish("checked")

    with Workers(max_workers) as workers:
        for index, layer in sorted(layers.items()):
            workers.submit(partial(check, index, layer))
        workers.wait()
    results = [result for index in sorted(found) for result in found[index]]
    return CheckResults([*results, *files.duplicates()])


@final
class _Files:
    """Regular files by name, over all layers; of each name eight bytes of a hash are kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._first: dict[bytes, int] = {}
        self._again: dict[str, set[int]] = {}

    def note(self, path: str, layer: int) -> None:
        """Note a file of a layer."""
        encoded = path.encode(errors="surrogateescape")
        key = hashlib.blake2b(encoded, digest_size=8).digest()
        with self._lock:
            first = self._first.setdefault(key, layer)
            if first != layer:
                self._again.setdefault(path, {first}).add(layer)

    def duplicates(self) -> Iterator[CheckResult]:
        """Tell which are in several layers, a few of them by name."""
        names = sorted(self._again)
        for name in names[:_MOST_DUPLICATES]:
            places = ", ".join(map(str, sorted(self._again[name])))
            yield CheckResult(Severity.INFO, "duplicate-file", f"{name} is in layers {places}")
        more = len(names) - _MOST_DUPLICATES
        if more > 0:
            said = f"... and {more} more duplicate files"
            yield CheckResult(Severity.INFO, "duplicate-file", said)


def _mtime(member: Member) -> float:
    """Read the time of modification: that of a PAX header goes before the other."""
    said = [value for each in member.extensions for key, value in each.records if key == b"mtime"]
    return float(said[-1]) if said else number(member.header, "mtime")


@final
class _Layer:
    """The rules, over one layer."""

    def __init__(self, index: int, files: _Files) -> None:
        self._index = index
        self._files = files
        self._results: list[CheckResult] = []
        self._counts: dict[str, int] = {}

    def check(self, chunks: Iterator[bytes]) -> list[CheckResult]:
        """Read the layer to its end."""
        try:
            with closing(TarReader(chunks, f"layer {self._index}")) as reader:
                for entry in reader.entries():
                    if entry.member.header:
                        self._check_member(entry.member)
                for _ in reader.rest():
                    pass
        except VerificationError as error:
            self._note(Severity.ERROR, "diff-id", str(error))
        except (ImageInputError, ValueError) as error:
            self._note(Severity.ERROR, "tar-format", str(error))
        else:
            self._note(Severity.INFO, "diff-id", "is what the config names")
        for check, count in self._counts.items():
            if count > _MOST_ALIKE:
                said = f"layer {self._index}: ... and {count - _MOST_ALIKE} more"
                self._results.append(CheckResult(Severity.INFO, check, said))
        return self._results

    def _check_member(self, member: Member) -> None:
        path = member.path
        name = posixpath.basename(path)
        if name.startswith(_WHITEOUT):
            self._check_whiteout(member, path, name)
        elif member.is_file:
            self._files.note(path, self._index)
        if _mtime(member) < 0:
            self._note(Severity.ERROR, "tar-timestamp", f"{path} is older than 1970")
        mode = number(member.header, "mode")
        if member.is_file and mode & _SET_ID and mode & _WORLD_WRITABLE:
            said = f"{path} is setuid or setgid, and everyone may write to it"
            self._note(Severity.WARNING, "tar-permissions", said)

    def _check_whiteout(self, member: Member, path: str, name: str) -> None:
        if name == _WHITEOUT:
            self._note(Severity.ERROR, "whiteout", f"{path} removes nothing")
        elif name != _OPAQUE and member.size:
            self._note(Severity.WARNING, "whiteout-size", f"{path} has {member.size} bytes")

    def _note(self, severity: Severity, check: str, message: str) -> None:
        """Tell the first few of a kind, and count the others."""
        self._counts[check] = self._counts.get(check, 0) + 1
        if self._counts[check] <= _MOST_ALIKE:
            said = f"layer {self._index}: {message}"
            self._results.append(CheckResult(severity, check, said))
