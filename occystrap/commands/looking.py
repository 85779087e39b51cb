"""Commands that look at one image, or at each of the many that a URI names.

Rule: what is shown of an image is the same, be it alone or one of many; one that can't be looked at
stops none of the others.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import click

from occystrap.bulk import Failure, find_images, survey
from occystrap.commands.sources import show
from occystrap.errors import OccystrapError
from occystrap.image.progress import progress_for
from occystrap.inputs.base import ImageInput
from occystrap.pipeline import PipelineBuilder
from occystrap.uri import URISpec, check_options, parse_uri, redacted

__all__ = ["Look", "Seen", "look_at"]


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of an image, for scripts and for people; `bad` makes the exit code 1."""

    document: Any
    text: str
    bad: bool = False


#: Looks at an image.
Look = Callable[[PipelineBuilder, ImageInput], Seen]


@dataclass(slots=True)
class _Failures:
    """What couldn't be looked at."""

    found: list[Failure] = field(default_factory=list[Failure])

    def add(self, name: str, error: OccystrapError) -> None:
        """Note a failure."""
        self.found.append(Failure(name, str(error)))


def look_at(ctx: click.Context, source: str, look: Look) -> None:
    """Look at what a source names, and show it.

    Raises:
        OccystrapError: there is no such image, or it can't be read.
    """
    with progress_for(sys.stderr) as progress, PipelineBuilder(ctx, progress=progress) as builder:
        spec = parse_uri(source)
        if spec.scheme == "quay":
            bad = _look_at_many(builder, spec, look)
        else:
            seen = _look_at_one(builder, spec, look)
            show(builder, seen.document, seen.text)
            bad = seen.bad
    if bad:
        ctx.exit(1)


def _look_at_one(builder: PipelineBuilder, spec: URISpec, look: Look) -> Seen:
    image = builder.build_input(spec)
    try:
        return look(builder, image)
    finally:
        image.close()


def _look_at_many(builder: PipelineBuilder, spec: URISpec, look: Look) -> bool:
    """Show an image after the other in the order of their names; True if all isn't well."""
    check_options(spec, "input")
    failures = _Failures()
    images = find_images(builder, spec, failures.add)
    if not images and not failures.found:
        click.echo(f"No images found matching {redacted(spec)}", err=True)
    found = survey(builder, images, lambda each: _look_at_one(builder, each, look), failures.add)
    seen = [each for each in found if each is not None]
    failures.found.sort(key=lambda failure: failure.name)
    documents = [each.document for each in seen]
    documents += [{"image": each.name, "error": each.error} for each in failures.found]
    show(builder, documents, "\n---\n".join(each.text for each in seen if each.text))
    for failure in failures.found:
        click.echo(f"Error: {failure.name}: {failure.error}", err=True)
    return bool(failures.found) or any(each.bad for each in seen)
