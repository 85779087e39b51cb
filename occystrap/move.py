"""Moving what one URI names to another: an image, or all the images of an index.

Rule: an index appears after everything that it lists.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final, final

from occystrap.errors import ImageInputError, PipelineError
from occystrap.image.checks import CheckResults
from occystrap.image.workers import Workers
from occystrap.oci.manifest import Index
from occystrap.outputs.base import Moved
from occystrap.outputs.registry import RegistryWriter
from occystrap.pipeline import ALL_PLATFORMS, Pipeline
from occystrap.report import Report
from occystrap.uri import redacted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from occystrap.oci.digest import Digest
    from occystrap.outputs.base import ImageOutput
    from occystrap.pipeline import PipelineBuilder
    from occystrap.uri import URISpec

__all__ = ["move"]

_DEEPEST: Final = 4


def move(
    builder: PipelineBuilder,
    source: str | URISpec,
    destination: str | URISpec,
    filters: Sequence[str] = (),
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Report:
    """Move an image and look at what was written; `?platform=all` moves a whole index.

    `filters` are written as on the command line, and work in their order.

    Raises:
        OccystrapError: it can't be read or written; nothing half-written is left.
    """
    began = clock()
    options = builder.options
    spec, target = builder.read_source(source), builder.read_destination(destination)
    if spec.options.get("platform") == ALL_PLATFORMS:
        if filters:
            raise PipelineError(
                f"platform={ALL_PLATFORMS} keeps every digest, and filters don't: choose one of"
                " them"
            )
        mover = _IndexMover(builder, spec, target)
        mover.run()
        outputs: list[ImageOutput] = list(mover.outputs)
    else:
        pipeline = builder.build_pipeline(spec, target, filters)
        pipeline.run()
        outputs = [pipeline.output]
    checks = None
    if options.verify or options.verify_full:
        checks = CheckResults()
        for output in outputs:
            checks.results += output.verify(full=options.verify_full).results
    return _report(builder, spec, target, outputs, checks, clock() - began)


def _report(
    builder: PipelineBuilder,
    source: URISpec,
    destination: URISpec,
    outputs: list[ImageOutput],
    checks: CheckResults | None,
    seconds: float,
) -> Report:
    total = Moved()
    for output in outputs:
        moved = output.moved
        total.count(layers=moved.layers, size=moved.size, skipped=moved.skipped)
    manifests = [out.manifest if isinstance(out, RegistryWriter) else None for out in outputs]
    manifest = manifests[-1]
    stats = builder.traffic.stats
    return Report(
        redacted(source),
        redacted(destination),
        "" if manifest is None else str(manifest.digest),
        sum(not isinstance(each, Index) for each in manifests),
        total.layers,
        total.skipped,
        total.size,
        seconds,
        stats.requests,
        stats.retries,
        stats.rate_limits,
        checks,
    )


@final
class _IndexMover:
    """Moves an index and everything below it, from registry to registry, digest by digest."""

    def __init__(self, builder: PipelineBuilder, source: URISpec, destination: URISpec) -> None:
        if (source.scheme, destination.scheme) != ("registry", "registry"):
            raise PipelineError(
                f"platform={ALL_PLATFORMS} goes from registry:// to registry:// only"
            )
        if builder.options.compression or "compression" in destination.options:
            raise PipelineError(
                f"platform={ALL_PLATFORMS} keeps every digest, and another compression doesn't:"
                " choose one of them"
            )
        self._builder = builder
        self._image = builder.registry_input(source)
        self._destination = destination
        self.outputs: list[RegistryWriter] = []

    def run(self) -> None:
        """Move what the reference names; the manifests of an index go several at once."""
        root = self._image.get_root()
        writer = self._writer(None)
        if isinstance(root, Index):
            self._move_below(root, _DEEPEST)
            writer.store_index(root)
        else:
            Pipeline(self._image, writer).run()
        self.outputs.append(writer)

    def _move_below(self, index: Index, depth: int) -> None:
        if depth == 0:
            raise ImageInputError(f"{self._image.reference} holds indexes in indexes without end")
        with Workers(self._builder.options.image_parallel) as workers:
            for descriptor in dict.fromkeys(index.manifests):
                workers.submit(partial(self._move_one, descriptor.digest, depth))
            workers.wait()

    def _move_one(self, digest: Digest, depth: int) -> None:
        image = self._image.at(digest)
        found = image.get_root()
        writer = self._writer(digest)
        if isinstance(found, Index):
            self._move_below(found, depth - 1)
            writer.store_index(found)
        else:
            Pipeline(image, writer).run()
        self.outputs.append(writer)

    def _writer(self, digest: Digest | None) -> RegistryWriter:
        tag = None if digest is None else str(digest)
        return self._builder.registry_output(self._destination, tag)
