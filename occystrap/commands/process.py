"""`occystrap process`: move an image."""

from __future__ import annotations

import json
import sys

import click

from occystrap.image.progress import progress_for
from occystrap.move import move
from occystrap.pipeline import PipelineBuilder

__all__ = ["process"]

_EPILOG = """\b
SOURCE:
  registry://HOST[:PORT]/IMAGE[:TAG][@DIGEST]   an image in a registry
  tar://PATH                                    a tarball of docker save, podman, skopeo, or OCI
\b
DESTINATION:
  registry://HOST[:PORT]/IMAGE:TAG
  tar://PATH                                    a tarball for docker load
\b
Examples:
  occystrap process registry://docker.io/library/busybox:latest tar://busybox.tar
  occystrap process tar://busybox.tar 'registry://localhost:5000/busybox:1?insecure=true'
  occystrap process 'registry://quay.io/org/app:2?platform=all' registry://mirror.example/app:2

With platform=all the whole index is copied; every digest stays what it was."""


@click.command(epilog=_EPILOG)
@click.argument("source")
@click.argument("destination")
@click.pass_context
def process(ctx: click.Context, source: str, destination: str) -> None:
    """Move an image from SOURCE to DESTINATION and verify it.

    Between registries a manifest and its layers are copied byte for byte, so every digest is kept.
    The exit code is 0 when the image is there, 1 when it isn't, 2 for a wrong command line.
    """
    with progress_for(sys.stderr) as progress, PipelineBuilder(ctx, progress=progress) as builder:
        report = move(builder, source, destination)
        as_json = builder.options.output_format == "json"
    if as_json:
        click.echo(json.dumps(report.to_document(), indent=2))
    click.echo(report.summary(), err=True)
    errors = [] if report.checks is None else report.checks.errors
    if errors:
        click.echo("Verification errors:", err=True)
        for error in errors:
            click.echo(f"  [{error.check}] {error.message}", err=True)
        ctx.exit(1)
