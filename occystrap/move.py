"""Moving what one URI names to another: an image, or all the images of an index.

Rule: an index appears after everything that it lists.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final, final

from occystrap.disk import layout_source, layout_target
from occystrap.errors import ImageInputError, PipelineError
from occystrap.image.checks import CheckResults
from occystrap.image.workers import Workers
from occystrap.oci.manifest import Index
from occystrap.outputs.base import ManifestOutput, Moved
from occystrap.pipeline import ALL_PLATFORMS, Pipeline
from occystrap.report import Report
from occystrap.uri import redacted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from occystrap.inputs.base import ImageInput, IndexInput
    from occystrap.oci.digest import Digest
    from occystrap.outputs.base import ImageOutput, IndexOutput
    from occystrap.pipeline import PipelineBuilder
    from occystrap.uri import URISpec

__all__ = ["move"]

_DEEPEST: Final = 4
#: What keeps indexes of several platforms.
_INDEX_SCHEMES: Final = ("registry", "ocidir", "ocitar")


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
    manifests = [out.manifest if isinstance(out, ManifestOutput) else None for out in outputs]
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


def _index_input(builder: PipelineBuilder, spec: URISpec) -> IndexInput:
    if spec.scheme == "registry":
        return builder.registry_input(spec)
    return layout_source(spec, builder.options)


def _index_outputs(
    builder: PipelineBuilder, spec: URISpec, source: ImageInput
) -> Callable[[Digest | None], IndexOutput]:
    """Make what makes destinations: of the whole without a digest, of parts of it with one."""
    if spec.scheme == "registry":
        return lambda digest: builder.registry_output(spec, None if digest is None else str(digest))
    layout = layout_target(builder.disk_target(spec, source))
    return lambda digest: layout if digest is None else layout.at(digest)


@final
class _IndexMover:
    """Moves an index and everything below it, digest by digest."""

    def __init__(self, builder: PipelineBuilder, source: URISpec, destination: URISpec) -> None:
        if source.scheme not in _INDEX_SCHEMES or destination.scheme not in _INDEX_SCHEMES:
            places = ", ".join(f"{scheme}://" for scheme in _INDEX_SCHEMES)
            raise PipelineError(
                f"platform={ALL_PLATFORMS} goes only from and to what keeps indexes: {places}"
            )
        if builder.options.compression or "compression" in destination.options:
            raise PipelineError(
                f"platform={ALL_PLATFORMS} keeps every digest, and another compression doesn't:"
                " choose one of them"
            )
        self._source = redacted(source)
        self._parallel = builder.options.image_parallel
        self._image = _index_input(builder, source)
        try:
            self._writer = _index_outputs(builder, destination, self._image)
        except BaseException:
            self._image.close()
            raise
        self.outputs: list[IndexOutput] = []

    def run(self) -> None:
        """Move what the reference names; the manifests of an index go several at once."""
        writer = self._writer(None)
        try:
            root = self._image.get_root()
            if isinstance(root, Index):
                self._move_below(root, _DEEPEST)
                writer.store_index(root)
            else:
                Pipeline(self._image, writer).run()
        finally:
            writer.close()
            self._image.close()
        self.outputs.append(writer)

    def _move_below(self, index: Index, depth: int) -> None:
        if depth == 0:
            raise ImageInputError(f"{self._source} holds indexes in indexes without end")
        with Workers(self._parallel) as workers:
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
