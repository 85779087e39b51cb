"""`occystrap search`: find files in the layers of an image."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import click

from occystrap.commands.group import Action
from occystrap.commands.looking import Seen, look_at
from occystrap.commands.variables import option
from occystrap.filters.base import Means
from occystrap.filters.matching import LayerMatches, told_to_people, told_to_scripts
from occystrap.filters.search import SearchFilter
from occystrap.inputs.base import ImageInput
from occystrap.oci.reference import join_name
from occystrap.pipeline import Pipeline, PipelineBuilder

__all__ = ["search"]

_EPILOG = """\b
Examples:
  occystrap search registry://docker.io/library/busybox 'bin/*sh'
  occystrap search --regex tar://busybox.tar '^etc/.*\\.conf$'
  occystrap search --script-friendly 'quay://projectquay/*:latest' '*libssl*'"""


@click.command(cls=Action, epilog=_EPILOG)
@click.argument("source")
@click.argument("pattern")
@option("--regex", is_flag=True, help="PATTERN is a regular expression of Python.")
@option("--script-friendly", is_flag=True, help="Print IMAGE:TAG:LAYER:PATH, a line each.")
@click.pass_context
def search(
    ctx: click.Context, source: str, pattern: str, *, regex: bool, script_friendly: bool
) -> None:
    """Find the files in the layers of SOURCE whose path, or its last part, matches PATTERN.

    PATTERN is a glob, in which a star is also any slash. Sources are those of `occystrap process`.
    """
    look_at(ctx, source, partial(_look, pattern=pattern, regex=regex, plain=script_friendly))


def _look(
    builder: PipelineBuilder, image: ImageInput, *, pattern: str, regex: bool, plain: bool
) -> Seen:
    options = builder.options
    means = Means(options.max_workers, options.temp_dir, builder.progress)
    seeker = SearchFilter(
        None, pattern, image.image, image.tag, regex=regex, means=means, echo=_say_nothing
    )
    Pipeline(image, seeker).run()
    found = seeker.results
    name = join_name(image.image, image.tag)
    text = "\n".join(told_to_scripts(found, name) if plain else told_to_people(found))
    return Seen(_document(image, found), text)


def _document(image: ImageInput, found: Sequence[LayerMatches]) -> dict[str, Any]:
    return {
        "image": image.image,
        "tag": image.tag,
        "layers": [
            {
                "layer": layer.layer,
                "matches": [
                    {"path": m.path, "kind": m.kind, "size": m.size, "target": m.target or None}
                    for m in layer.matches
                ],
            }
            for layer in found
            if layer.matches
        ],
    }


def _say_nothing(line: str) -> None:
    """Leave it to who has asked to tell what was found."""
