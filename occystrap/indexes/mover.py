"""Moving an index and everything below it.

Rule: what is listed or named comes before what lists or names it, and the tag comes last. Filters
see images; all else goes as it is. What names a manifest that has become another is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, final

from occystrap.filters.build import Filters
from occystrap.image.once import Once
from occystrap.image.workers import Workers
from occystrap.indexes.ends import open_ends
from occystrap.indexes.tree import in_order, read_tree
from occystrap.oci.manifest import Index
from occystrap.oci.relist import LeftOut, relisted
from occystrap.pipeline import Pipeline
from occystrap.uri import redacted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from occystrap.indexes.tree import Node
    from occystrap.oci.descriptor import Descriptor
    from occystrap.oci.digest import Digest
    from occystrap.oci.manifest import Manifest
    from occystrap.outputs.base import ImageOutput, IndexOutput
    from occystrap.pipeline import PipelineBuilder
    from occystrap.uri import URISpec

__all__ = ["IndexMover"]


@final
@dataclass(slots=True)
class _Said:
    """What filters say of one image, and what they do when it has arrived."""

    texts: list[str] = field(default_factory=list[str])
    later: list[Callable[[], None]] = field(default_factory=list["Callable[[], None]"])


@final
class IndexMover:
    """Moves what a URI names: an index and everything below it, or an image.

    When it has run, `outputs` has all that was written, the whole last, and `left_out` what
    couldn't be carried over.
    """

    def __init__(
        self,
        builder: PipelineBuilder,
        source: URISpec,
        destination: URISpec,
        filters: Filters,
    ) -> None:
        """Open both ends.

        Raises:
            OccystrapError: an end can't be opened, or keeps no indexes.
        """
        self._builder = builder
        self._filters = filters
        self._name = redacted(source)
        shared = Once()
        self._image, self._writer = open_ends(builder, source, destination, shared)
        told = builder.surroundings(self._image)
        self._told = replace(told, means=replace(told.means, shared=shared))
        self._began: list[ImageOutput] = []
        self._became: dict[Digest, Descriptor | None] = {}
        self._left_out: dict[Digest, tuple[LeftOut, ...]] = {}
        self._said: dict[Digest, _Said] = {}
        self.outputs: list[IndexOutput] = []

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """What couldn't be carried over, in the order of the index, the index itself last."""
        return tuple(each for several in self._left_out.values() for each in several)

    def run(self) -> None:
        """Move it, the images of an index several at once.

        Raises:
            OccystrapError: it can't be read or written; nothing half-written is left.
        """
        writer = self._writer()
        try:
            root = self._image.get_root()
            if isinstance(root, Index):
                self._move_below(root)
                index, self._left_out[root.digest] = relisted(root, self._became)
                writer.store_index(index)
                for said in self._said.values():
                    for act in said.later:
                        act()
            else:
                self._builder.filtered(self._image, writer, self._filters).run()
        finally:
            for output in self._began:
                output.close()  # stops what is under way
            writer.close()
            self._image.close()
        self.outputs.append(writer)

    def _move_below(self, root: Index) -> None:
        parallel = self._builder.options.image_parallel
        nodes = read_tree(self._image, root, parallel, self._name)
        changes = bool(self._filters.steps)
        about = {digest: node.about(nodes) if changes else [] for digest, node in nodes.items()}
        self._said = {digest: _Said() for digest in nodes}
        self._left_out = dict.fromkeys(nodes, ())
        try:
            for group in in_order(nodes, about, self._name):
                became: dict[Digest, Descriptor | None] = {}
                with Workers(parallel) as workers:
                    for each in group:
                        workers.submit(
                            partial(self._settle, each, nodes[each], about[each], became)
                        )
                    workers.wait()
                self._became |= became
        finally:
            for said in self._said.values():
                for text in said.texts:
                    self._told.echo(text)

    def _settle(
        self,
        digest: Digest,
        node: Node,
        about: Sequence[Digest],
        became: dict[Digest, Descriptor | None],
    ) -> None:
        """Move what is listed, or leave it out if that is about what has become another."""
        for each in about:
            now = self._became[each]
            if now is None or now.digest != each:
                what = f"the {node.kind} {digest}"
                self._left_out[digest] = (LeftOut.naming(what, each, now),)
                became[digest] = None
                return
        stored = became[digest] = self._store(digest, node).descriptor
        if node.is_image and node.found.subject is not None and stored.digest != digest:
            reason = f"the image has become {stored.digest}, which names none"
            self._left_out[digest] = (LeftOut(f"the subject of {digest}", reason),)

    def _store(self, digest: Digest, node: Node) -> Manifest | Index:
        is_index = isinstance(node.found, Index)
        changes = bool(self._filters.steps) and (is_index or node.is_image)
        writer = self._writer(digest, changes=changes)
        if isinstance(node.found, Index):
            index, self._left_out[digest] = relisted(node.found, self._became)
            writer.store_index(index)
        else:
            pipeline = self._pipeline(digest, node, writer)
            self._began.append(pipeline.entry or writer)
            pipeline.run()
        self.outputs.append(writer)
        assert writer.manifest is not None  # noqa: S101 - it was written
        return writer.manifest

    def _pipeline(self, digest: Digest, node: Node, writer: ImageOutput) -> Pipeline:
        """Let filters know an image by the name of the whole, and by its platform."""
        if not (node.is_image and self._filters.steps):
            return Pipeline(node.image, writer)
        said = self._said[digest]
        told = replace(
            self._told,
            platform=node.platform,
            echo=said.texts.append,
            later=said.later.append,
        )
        return self._builder.filtered(node.image, writer, self._filters, told)
