"""What `process` says and shows when it moves many images."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, final

import click

from occystrap.bulk import BulkReport, Failure, Move, Shard, destination_of, find_images, move_all
from occystrap.errors import OccystrapError
from occystrap.pipeline import PipelineBuilder
from occystrap.uri import URISpec, check_options, redacted
from occystrap.util import format_size

__all__ = ["Many"]


@final
class Many:
    """One command over the images that a URI names."""

    def __init__(
        self,
        builder: PipelineBuilder,
        move: Move,
        shard: str | None,
        *,
        again: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the shard; raises InvalidOption when it is none."""
        self._builder = builder
        self._move = move
        self._shard = Shard() if shard is None else Shard.parse(shard)
        self._again = again
        self._clock = clock
        self._began = clock()
        self._report = BulkReport()

    @property
    def exit_code(self) -> int:
        """Whether all went well: 0, or 1."""
        report = self._report
        return int(bool(report.failures) or any(done.errors for done in report.done))

    def process(self, spec: URISpec, destination: URISpec) -> None:
        """Move the images, and show what became of them.

        Raises:
            OccystrapError: they can't be found, or can't go there.
        """
        check_options(spec, "input")
        destination_of(spec, destination)  # an error before anything is asked
        unknown: list[Failure] = []

        def fail(name: str, error: OccystrapError) -> None:
            unknown.append(Failure(name, str(error)))

        images = find_images(self._builder, spec, fail, self._shard)
        if images:
            jobs = self._builder.options.image_parallel
            _say(f"Processing {len(images)} images ({jobs} parallel)...")
            self._report = move_all(
                self._builder, images, destination, self._move, tell=_say, again=self._again
            )
        elif not unknown:
            _say(f"No images found matching {redacted(spec)}")
        self._report.failures[:0] = sorted(unknown, key=lambda failure: failure.name)
        self._show()

    def _show(self) -> None:
        report = self._report
        if self._builder.options.output_format == "json":
            click.echo(json.dumps(self._document(), indent=2))
        _say("Summary: " + ", ".join(self._summary()))
        _say("Failed images:" if report.failures else "No failed images.")
        for failure in report.failures:
            _say(f"  {failure.name}: {failure.error}")
        errors = [(each, error) for each in report.done for error in each.errors]
        if errors:
            _say("Verification errors:")
        for each, error in errors:
            _say(f"  {each.destination}: [{error.check}] {error.message}")
        left_out = [(each, thing) for each in report.done for thing in each.left_out]
        if left_out:
            _say("Left out:")
        for each, thing in left_out:
            _say(f"  {each.destination}: {thing}")

    def _summary(self) -> Iterator[str]:
        report, stats = self._report, self._builder.traffic.stats
        done, failed = len(report.done), len(report.failures)
        yield f"{done}/{done + failed + len(report.current)} images"
        yield f"{sum(each.layers for each in report.done)} layers"
        yield format_size(sum(each.size for each in report.done))
        yield f"{self._clock() - self._began:.1f}s"
        counts = {
            "up to date": len(report.current),
            "skipped": sum(each.skipped for each in report.done),
            "retries": stats.retries,
            "rate limits": stats.rate_limits,
            "left out": sum(len(each.left_out) for each in report.done),
            "failed": failed,
            "verify errors": sum(len(each.errors) for each in report.done),
            "verify warnings": sum(len(each.warnings) for each in report.done),
        }
        yield from (f"{count} {name}" for name, count in counts.items() if count)
        if done and all(each.checks and not each.errors for each in report.done):
            yield "verified OK"

    def _document(self) -> dict[str, Any]:
        report, stats = self._report, self._builder.traffic.stats
        return {
            "images": [_without_counts(each.to_document()) for each in report.done],
            "up_to_date": report.current,
            "failed": [{"image": each.name, "error": each.error} for each in report.failures],
            "seconds": round(self._clock() - self._began, 3),
            "requests": stats.requests,
            "retries": stats.retries,
            "rate_limits": stats.rate_limits,
        }


def _without_counts(document: dict[str, object]) -> dict[str, object]:
    """Leave away what counts the requests of the whole run."""
    of_the_run = ("requests", "retries", "rate_limits")
    return {name: value for name, value in document.items() if name not in of_the_run}


def _say(line: str) -> None:
    click.echo(line, err=True)
