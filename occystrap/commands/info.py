"""`occystrap info`: what an image is."""

from __future__ import annotations

import click

from occystrap.commands.group import Action
from occystrap.commands.sources import show
from occystrap.examine.info import describe
from occystrap.examine.info_text import info_text
from occystrap.inputs.registry import Image
from occystrap.oci.manifest import Index
from occystrap.pipeline import PipelineBuilder

__all__ = ["info"]

_EPILOG = """\b
Examples:
  occystrap info registry://docker.io/library/busybox:latest
  occystrap info tar://busybox.tar
  occystrap -O json info 'registry://docker.io/library/busybox?platform=linux/arm64'"""


@click.command(cls=Action, epilog=_EPILOG)
@click.argument("source")
@click.pass_context
def info(ctx: click.Context, source: str) -> None:
    """Show what SOURCE is: platform, layers, history and what it runs.

    No layer is fetched. What a source doesn't have isn't shown: a tarball of docker save has no
    manifest, and so no sizes. Sources are those of `occystrap process`.
    """
    with PipelineBuilder(ctx) as builder:
        image = builder.build_input(source)
        try:
            root = image.get_root() if isinstance(image, Image) else None
            document = describe(image, root if isinstance(root, Index) else None)
        finally:
            image.close()
        show(builder, document, info_text(document))
