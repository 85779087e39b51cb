"""`occystrap delete`: take a tag or an image out of a registry."""

from __future__ import annotations

import click

from occystrap.commands.group import Action
from occystrap.commands.sources import digest_of, open_registry, show
from occystrap.commands.variables import option
from occystrap.errors import APIException, ImageInputError, URIParseError
from occystrap.inputs.registry import Image
from occystrap.uri import parse_uri

__all__ = ["delete"]

_EPILOG = """\b
Examples:
  occystrap delete registry://registry.example/app:1
  occystrap delete --manifest registry://registry.example/app:1
  occystrap delete registry://registry.example/app@sha256:..."""

#: How registries say that they delete by digest only, or not at all.
_NOT_BY_TAG = frozenset({400, 404, 405, 501})


@click.command(cls=Action, epilog=_EPILOG)
@click.argument("source")
@option(
    "--manifest",
    "whole",
    is_flag=True,
    help="Delete the manifest that the tag names, and so every other tag of it.",
)
@click.pass_context
def delete(ctx: click.Context, source: str, *, whole: bool) -> None:
    """Delete a tag of a registry, or by digest a manifest and with it all its tags.

    SOURCE has to name a tag or a digest: nothing is taken to be `latest`. Layers stay until the
    registry clears up. Many registries let nobody delete unless they were told to.
    """
    _require_a_name(source)
    with open_registry(ctx, source) as (builder, image):
        by_tag = image.reference.digest is None
        name = str(digest_of(image)) if whole and by_tag else image.reference.identifier
        try:
            image.client.delete_manifest(image.image, name)
        except APIException as error:
            if by_tag and not whole and error.status in _NOT_BY_TAG:
                _explain(image, error)
            raise
        document = {"image": image.image, "deleted": name}
        show(builder, document, f"deleted {image.reference.registry}/{image.image} {name}")


def _require_a_name(source: str) -> None:
    path = parse_uri(source).path
    if "@" not in path and ":" not in path.rpartition("/")[2]:
        raise URIParseError("delete wants a tag or a digest: registry://HOST/IMAGE:TAG")


def _explain(image: Image, error: APIException) -> None:
    """Say what to do where a tag can't be deleted, but is there."""
    found = image.client.find_manifest(image.image, image.reference.identifier)
    if found is not None:
        raise ImageInputError(
            f"{image.reference.registry} doesn't delete a tag alone ({error.status});"
            f" --manifest deletes {found}, with all tags that name it"
        ) from error
