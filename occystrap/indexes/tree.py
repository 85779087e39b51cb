"""Everything that an index lists, read before anything of it is moved.

Rule: what a manifest names comes before it. That is always possible where the name is in the
manifest, whose digest depends on it; the annotations of a list could name each other in a circle.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Final, final

from occystrap.errors import ImageInputError
from occystrap.image.workers import Workers
from occystrap.oci.manifest import Config, Index
from occystrap.oci.relist import named_in, names_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from occystrap.inputs.base import IndexInput
    from occystrap.oci.descriptor import Descriptor
    from occystrap.oci.digest import Digest
    from occystrap.oci.manifest import Manifest

__all__ = ["Node", "in_order", "read_tree"]

_DEEPEST: Final = 4
#: How BuildKit marks its attestations.
_ATTESTATION: Final = ("vnd.docker.reference.type", "attestation-manifest")


@final
@dataclass(frozen=True, slots=True)
class Node:
    """A manifest or an index, where it can be read, and the descriptors that list it."""

    image: IndexInput
    found: Manifest | Index
    listed: tuple[Descriptor, ...]

    @property
    def is_image(self) -> bool:
        """Whether it has layers that filters can look into."""
        return not isinstance(self.found, Index) and self.found.is_image

    @property
    def kind(self) -> str:
        """Say in a word what it is."""
        if isinstance(self.found, Index):
            return "index"
        if any(pair == _ATTESTATION for each in self.listed for pair in each.annotations):
            return "attestation"
        return "image" if self.is_image else "artifact"

    @property
    def platform(self) -> str:
        """The platform that an image is listed for, or else the one that its config has."""
        stated = (str(each.platform) for each in self.listed if each.platform is not None)
        return next(stated, "") or str(Config.parse(self.image.get_config()).platform)

    def about(self, nodes: Collection[Digest]) -> list[Digest]:
        """List what it would be wrong about if that became another.

        For all that is the subject; for an artifact, whose content nobody here understands, also
        what annotations name.
        """
        subject = self.found.subject
        named = set(() if subject is None else (subject.digest,))
        if not self.is_image and not isinstance(self.found, Index):
            named |= names_of(self.found, nodes)
            for descriptor in self.listed:
                named |= {digest for _, digest in named_in(descriptor.annotations, nodes)}
        return [digest for digest in nodes if digest in named and digest != self.found.digest]


def read_tree(image: IndexInput, root: Index, parallel: int, name: str) -> dict[Digest, Node]:
    """Read what is below an index, level by level, in the order in which it is listed.

    Raises:
        ImageInputError: it can't be read, or never ends.
    """
    places: dict[Digest, IndexInput] = {}
    found: dict[Digest, Manifest | Index] = {}
    listed: dict[Digest, list[Descriptor]] = {}
    level = [root]
    for _ in range(_DEEPEST):
        for each in (each for index in level for each in index.manifests):
            listed.setdefault(each.digest, []).append(each)
        new = {digest: image.at(digest) for digest in listed if digest not in places}
        places |= new
        _read(new, found, parallel)
        level = [index for digest in new if isinstance(index := found[digest], Index)]
        if not level:
            return {each: Node(places[each], found[each], tuple(listed[each])) for each in places}
    raise ImageInputError(f"{name} holds indexes in indexes without end")


def _read(
    places: Mapping[Digest, IndexInput], found: dict[Digest, Manifest | Index], parallel: int
) -> None:
    def read(digest: Digest) -> None:
        found[digest] = places[digest].get_root()

    with Workers(parallel) as workers:
        for digest in places:
            workers.submit(partial(read, digest))
        workers.wait()


def in_order(
    nodes: Mapping[Digest, Node], about: Mapping[Digest, Sequence[Digest]], name: str
) -> Iterator[list[Digest]]:
    """Yield the digests in groups, each after all that it names or lists.

    Raises:
        ImageInputError: some name each other.
    """
    sorter: TopologicalSorter[Digest] = TopologicalSorter()
    for digest, node in nodes.items():
        is_index = isinstance(node.found, Index)
        named = names_of(node.found, nodes) - {digest} if is_index else ()
        sorter.add(digest, *about[digest], *named)
    try:
        sorter.prepare()
    except CycleError as error:
        raise ImageInputError(
            f"{name} lists manifests of which each names the other, so none can be changed first"
        ) from error
    while sorter.is_active():
        ready = sorter.get_ready()
        yield [digest for digest in nodes if digest in ready]
        sorter.done(*ready)
