"""Getting images downstream: those that were pushed, and those that are pulled from elsewhere.

Rule: an image goes through the pipeline, and an index after all that it lists. What the filters
make of an image is remembered by its digest, for the index that will name it. What is no image
(a chart, a signature, an attestation) goes as it is.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Final, final

from occystrap.errors import ImageInputError
from occystrap.filters.build import Filters
from occystrap.image.workers import Workers
from occystrap.oci.manifest import Index
from occystrap.oci.relist import LeftOut, named_in, relisted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from occystrap.inputs.registry import Image
    from occystrap.oci.descriptor import Descriptor
    from occystrap.oci.digest import Digest
    from occystrap.oci.manifest import Manifest
    from occystrap.pipeline import PipelineBuilder
    from occystrap.proxy.downstream import Remote

__all__ = ["Deliverer"]

_LOG: Final = logging.getLogger(__name__)
_DEEPEST: Final = 4
#: By which BuildKit says what image an attestation is about.
_ATTESTS: Final = "vnd.docker.reference.digest"
#: So many images are remembered; an index comes soon after them.
_REMEMBERED: Final = 10_000


@final
class Deliverer:
    """Moves images downstream; used by many threads at once."""

    def __init__(self, builder: PipelineBuilder, downstream: Remote, filters: Filters) -> None:
        self._builder = builder
        self._downstream = downstream
        self._filters = filters
        self._became: OrderedDict[tuple[str, Digest], Descriptor] = OrderedDict()
        self._lock = threading.Lock()
        #: Whether an image may have another digest when it has been delivered.
        self.changes = bool(filters.steps) or downstream.compresses

    def deliver(self, source: Image, repository: str, reference: str) -> Manifest | Index:
        """Move what a source names, under a tag or its digest; return what is stored.

        Raises:
            OccystrapError: it can't be read or written.
        """
        return self._deliver(source, repository, reference, _DEEPEST)

    def _deliver(
        self, source: Image, repository: str, reference: str, depth: int
    ) -> Manifest | Index:
        root = source.get_root()
        by_digest = self.changes and ":" in reference
        writer = self._downstream.writer(repository, reference, by_digest=by_digest)
        if isinstance(root, Index):
            try:
                writer.store_index(self._index(root, source, repository, depth))
            finally:
                writer.close()
        else:
            filters = self._filters if root.is_image else Filters()
            self._builder.filtered(source, writer, filters).run()
        stored = writer.manifest
        assert stored is not None  # noqa: S101 - it was written
        self._remember(repository, root.digest, stored.descriptor)
        return stored

    def _index(self, index: Index, source: Image, repository: str, depth: int) -> Index:
        """Deliver what an index lists, as far as it isn't there, and return the index of that."""
        if depth == 0:
            raise ImageInputError(f"{index.digest} holds indexes in indexes without end")
        stored: dict[Digest, Descriptor] = {}

        def move(listed: Descriptor) -> None:
            stored[listed.digest] = self._listed(listed, source, repository, depth)

        with Workers(self._builder.options.image_parallel) as workers:
            for listed in {each.digest: each for each in index.manifests}.values():
                workers.submit(partial(move, listed))
            workers.wait()
        became: dict[Digest, Descriptor | None] = {**stored}
        for listed in index.manifests:
            about = _attested(listed, stored)
            if about is not None:
                became[listed.digest] = None
                what = LeftOut.naming(f"the attestation {listed.digest}", about, stored[about])
                _LOG.warning("%s", what)
        made, left_out = relisted(index, became)
        for each in left_out:
            _LOG.warning("%s", each)
        return made

    def _listed(self, listed: Descriptor, source: Image, repository: str, depth: int) -> Descriptor:
        known = self._recall(repository, listed.digest) if self.changes else listed
        if known is not None and self._downstream.has_manifest(repository, known.digest):
            return known
        below = source.at(listed.digest)
        return self._deliver(below, repository, str(listed.digest), depth - 1).descriptor

    def _remember(self, repository: str, digest: Digest, stored: Descriptor) -> None:
        """Note what a manifest has become; what it has become stays what it is."""
        if not self.changes:
            return
        with self._lock:
            for key in (digest, stored.digest):
                self._became[repository, key] = stored
                self._became.move_to_end((repository, key))
            while len(self._became) > _REMEMBERED:
                self._became.popitem(last=False)

    def _recall(self, repository: str, digest: Digest) -> Descriptor | None:
        with self._lock:
            return self._became.get((repository, digest))


def _attested(listed: Descriptor, stored: Mapping[Digest, Descriptor]) -> Digest | None:
    """Find the image that something is a statement on, if that has become another one."""
    for key, digest in named_in(listed.annotations, stored):
        if key == _ATTESTS and stored[digest].digest != digest:
            return digest
    return None
