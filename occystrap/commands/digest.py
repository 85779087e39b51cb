"""`occystrap digest`: what an image is called that never changes."""

from __future__ import annotations

import click

from occystrap.commands.group import Action
from occystrap.commands.sources import digest_of, open_registry, show
from occystrap.uri import parse_uri

__all__ = ["digest"]

_EPILOG = """\b
Examples:
  occystrap digest registry://docker.io/library/busybox:latest
  occystrap digest 'registry://docker.io/library/busybox?platform=linux/arm64'"""

#: Options of a source that ask for one of an index's images.
_PLATFORM = frozenset({"arch", "architecture", "os", "platform", "variant"})


@click.command(cls=Action, epilog=_EPILOG)
@click.argument("source")
@click.pass_context
def digest(ctx: click.Context, source: str) -> None:
    """Print the digest of the manifest of SOURCE, an image in a registry.

    Of an image for several platforms that is the digest of the index, unless SOURCE chooses a
    platform. One HEAD request finds it out, which Docker Hub doesn't count as a pull.
    """
    with open_registry(ctx, source) as (builder, image):
        chosen = _PLATFORM & parse_uri(source).options.keys()
        found = image.get_manifest().digest if chosen else digest_of(image)
        document = {"image": image.image, "tag": image.tag, "digest": str(found)}
        show(builder, document, str(found))
