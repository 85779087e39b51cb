"""What the commands share that look at an image, or at a repository, and move nothing."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import click

from occystrap.errors import ImageInputError, PipelineError
from occystrap.inputs.registry import Image
from occystrap.oci.digest import Digest
from occystrap.pipeline import PipelineBuilder

__all__ = ["digest_of", "open_registry", "show"]


@contextlib.contextmanager
def open_registry(ctx: click.Context, uri: str) -> Iterator[tuple[PipelineBuilder, Image]]:
    """Open what a `registry://` URI names.

    Raises:
        OccystrapError: it names something else, or can't be parsed.
    """
    with PipelineBuilder(ctx) as builder:
        spec = builder.read_source(uri)
        if spec.scheme != "registry":
            raise PipelineError(
                f"{ctx.info_name} asks a registry: registry://HOST/IMAGE, not {spec.scheme}://"
            )
        yield builder, builder.registry_input(spec)


def digest_of(image: Image) -> Digest:
    """Ask for the digest of what a reference names, an index included.

    Raises:
        ImageInputError: it isn't there.
    """
    found = image.client.find_manifest(image.image, image.reference.identifier)
    if found is None:
        raise ImageInputError(f"{image.reference} isn't there")
    return found


def show(builder: PipelineBuilder, document: Any, text: str) -> None:
    """Print a result: as JSON if that was asked for, else as text; empty text is no line."""
    if builder.options.output_format == "json":
        click.echo(json.dumps(document, indent=2))
    elif text:
        click.echo(text)
