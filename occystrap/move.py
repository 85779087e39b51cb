"""Moving what one URI names to another: an image, or all the images of an index."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from occystrap.filters.build import read_filters
from occystrap.image.checks import CheckResults
from occystrap.oci.manifest import Index
from occystrap.outputs.base import ManifestOutput, Moved
from occystrap.pipeline import ALL_PLATFORMS
from occystrap.report import Report
from occystrap.uri import redacted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from occystrap.outputs.base import ImageOutput
    from occystrap.pipeline import PipelineBuilder
    from occystrap.uri import URISpec

__all__ = ["move"]


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
        from occystrap.indexes.mover import IndexMover  # noqa: PLC0415 - only for what needs it

        mover = IndexMover(builder, spec, target, read_filters(filters, options.temp_dir))
        mover.run()
        outputs: list[ImageOutput] = list(mover.outputs)
        left_out = mover.left_out
    else:
        pipeline = builder.build_pipeline(spec, target, filters)
        pipeline.run()
        outputs, left_out = [pipeline.output], ()
    checks = None
    if options.verify or options.verify_full:
        checks = CheckResults()
        for output in outputs:
            checks.results += output.verify(full=options.verify_full).results
    report = _report(builder, spec, target, outputs, checks, clock() - began)
    return replace(report, left_out=left_out)


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
