"""What two images show differently: files, and what their configurations say.

Rule: layers that both have at their bottom are read once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final

from occystrap.examine.file_tree import FileState, FileTree
from occystrap.examine.info import describe
from occystrap.image.element import IMAGE_LAYER

if TYPE_CHECKING:
    from occystrap.image.layer import Layer
    from occystrap.inputs.base import ImageInput
    from occystrap.oci.digest import Digest

__all__ = ["Change", "Differences", "compare"]

#: Of a configuration, what isn't told by the files and isn't another in each build.
_SETTINGS: Final = (
    *("architecture", "os", "variant", "labels", "env", "entrypoint", "cmd"),
    *("working_dir", "user", "exposed_ports", "volumes"),
)


@dataclass(frozen=True, slots=True)
class Change:
    """A file that is another: `before` or `after` is None where there is none.

    `what` names what is different of one that both have, by the fields of `FileState`.
    """

    path: str
    before: FileState | None
    after: FileState | None
    what: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Differences:
    """`shared` counts the layers at the bottom that both have; `settings` are before and after."""

    shared: int
    changes: tuple[Change, ...]
    settings: dict[str, tuple[Any, Any]]

    def __bool__(self) -> bool:
        return bool(self.changes or self.settings)


#: Reads the tar of a layer of an image.
Read = Callable[["ImageInput", int, "Layer"], Iterator[bytes]]


def compare(one: ImageInput, other: ImageInput, *, read: Read, times: bool = False) -> Differences:
    """Find out what the second image has otherwise than the first.

    `times` counts also when files were modified. `read` reads a layer, given its image and place.

    Raises:
        OccystrapError: one of them can't be read.
    """
    layers, other_layers = _layers(one), _layers(other)
    pairs = zip(layers, other_layers, strict=False)
    same = list(takewhile(lambda pair: _same(*pair), pairs))
    common = FileTree()
    for number, (layer, _) in enumerate(same):
        common.apply(number, read(one, number, layer))
    trees = []
    for image, own in ((one, layers), (other, other_layers)):
        tree = common.copy()
        for number, layer in enumerate(own[len(same) :], len(same)):
            tree.apply(number, read(image, number, layer))
        trees.append(tree)
    changes = tuple(_changes(*trees, times=times))
    return Differences(len(same), changes, _settings(describe(one), describe(other)))


def _layers(image: ImageInput) -> list[Layer]:
    found: dict[int, Layer] = {}
    for element in image.fetch():
        layer = element.open_layer() if element.element_type == IMAGE_LAYER else None
        if layer is not None:
            place = element.layer_index
            found[len(found) if place is None else place] = layer
    return [found[place] for place in sorted(found)]


def _same(one: Layer, other: Layer) -> bool:
    diff_id: Digest | None = one.diff_id
    return diff_id is not None and diff_id == other.diff_id


def _changes(one: FileTree, other: FileTree, *, times: bool) -> Iterator[Change]:
    compared = [each.name for each in fields(FileState) if each.compare]
    if not times:
        compared.remove("mtime")
    for path in sorted({*one.files, *other.files}):
        before, after = one.files.get(path), other.files.get(path)
        if before is None or after is None:
            yield Change(path, before, after)
            continue
        what = tuple(each for each in compared if getattr(before, each) != getattr(after, each))
        if what:
            yield Change(path, before, after, what)


def _settings(one: dict[str, Any], other: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    pairs = {name: (one[name], other[name]) for name in _SETTINGS}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
