"""`occystrap tags`: list the tags of a repository."""

from __future__ import annotations

import fnmatch

import click

from occystrap.commands.group import Action
from occystrap.commands.sources import open_registry, show
from occystrap.commands.variables import option

__all__ = ["tags"]

_EPILOG = """\b
Examples:
  occystrap tags registry://docker.io/library/busybox
  occystrap tags registry://quay.io/org/app --match 'v1.*'
  occystrap -O json tags registry://localhost:5000/app"""


@click.command(cls=Action, epilog=_EPILOG)
@click.argument("source")
@option("--match", "glob", metavar="GLOB", help="Only tags that match, such as 'v1.*'.")
@click.pass_context
def tags(ctx: click.Context, source: str, glob: str | None) -> None:
    """List the tags of the repository SOURCE, one a line, in the order of the registry.

    A tag in SOURCE makes no difference.
    """
    with open_registry(ctx, source) as (builder, image):
        found = list(image.client.tags(image.image))
        if glob is not None:
            found = [tag for tag in found if fnmatch.fnmatchcase(tag, glob)]
        show(builder, found, "\n".join(found))
