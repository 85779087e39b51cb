"""`occystrap info`: what an image is."""

from __future__ import annotations

import click

from occystrap.commands.group import Action
from occystrap.commands.looking import Seen, look_at
from occystrap.examine.info import describe
from occystrap.examine.info_text import info_text
from occystrap.inputs.base import ImageInput
from occystrap.inputs.registry import Image
from occystrap.oci.manifest import Index
from occystrap.pipeline import PipelineBuilder

__all__ = ["info"]

_EPILOG = """\b
Examples:
  occystrap info registry://docker.io/library/busybox:latest
  occystrap info tar://busybox.tar
  occystrap info 'quay://projectquay/*:latest'
  occystrap -O json info 'registry://docker.io/library/busybox?platform=linux/arm64'"""


@click.command(cls=Action, epilog=_EPILOG)
@click.argument("source")
@click.pass_context
def info(ctx: click.Context, source: str) -> None:
    """Show what SOURCE is: platform, layers, history and what it runs.

    No layer is fetched. What a source doesn't have isn't shown: a tarball of docker save has no
    manifest, and so no sizes. Sources are those of `occystrap process`.
    """
    look_at(ctx, source, _look)


def _look(_builder: PipelineBuilder, image: ImageInput) -> Seen:
    root = image.get_root() if isinstance(image, Image) else None
    document = describe(image, root if isinstance(root, Index) else None)
    return Seen(document, info_text(document))
