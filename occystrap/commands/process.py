"""`occystrap process`: move an image.

What does the work is imported when there is work, so that the help costs nothing.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import TYPE_CHECKING, Final

import click

from occystrap.commands.group import Action
from occystrap.commands.variables import option
from occystrap.options import Options

if TYPE_CHECKING:
    from occystrap.report import Report

__all__ = ["process"]

_EPILOG: Final = """\b
SOURCE is one of
  registry://[USER:PASSWORD@]HOST[:PORT]/IMAGE[:TAG][@DIGEST]
  tar://PATH      as docker save, podman save, skopeo, crane or buildx write them
  ocidir://PATH[:TAG] or ocitar://PATH[:TAG]      an OCI layout, or a tar of one
  dir://PATH      a directory that dir:// has written
  quay://ORG[/GLOB][:TAG]      all such images of a Quay; TAG may be a glob, too
  docker://IMAGE[:TAG]      as a Docker or Podman daemon saves it
  dockerpush://IMAGE[:TAG]  the same, pushed: compressed by the daemon, and only what is
                            missing in a registry
\b
DESTINATION is one of
  registry://[USER:PASSWORD@]HOST[:PORT]/IMAGE[:TAG]
  tar://PATH      a new file for docker load, podman load or skopeo
  ocidir://PATH[:TAG] or ocitar://PATH[:TAG]      for skopeo, crane or buildah
  dir://PATH      a directory for many images, each layer once
  oci://PATH      a bundle for runc run
  mounts://PATH   a directory a layer, for overlayfs
  docker://IMAGE[:TAG]      loaded into a Docker or Podman daemon
\b
Options of one side stand behind its URI, as ?NAME=VALUE&NAME=VALUE:
  registry://     username= password= insecure=true max_workers=N
                  ca_file= cert= key= skip_verify=true
  as SOURCE       platform=OS/ARCHITECTURE[/VARIANT], or platform=all
                  (or one by one: os= architecture= variant=)
  as DESTINATION  compression=gzip|zstd
  ocidir://, ocitar://         platform= as above; compression=gzip|zstd
  dir://          unique_names=true expand=true; as SOURCE image=NAME
  oci://, mounts://            readonly=true terminal=true
  mounts://                    mount=true, for root
  what extracts layers         devices=true max_bytes=N
  docker://, dockerpush://     socket=PATH, else DOCKER_HOST=unix://PATH, else /var/run/docker.sock
  quay://         those of registry://, and since=YYYY-MM-DD token= base=URL
\b
FILTER is one of
  normalize-timestamps[:ts=SECONDS]        give everything one time, 0 if you name none
  exclude:pattern=GLOB[,GLOB...]           leave files and directories out
  search:pattern=GLOB[,script-friendly=true]
  search:pattern=EXPRESSION,regex=true     list what matches, layer by layer
  inspect:file=PATH                        append a line of JSON on the layers to a file
\b
Examples:
  occystrap process registry://docker.io/library/busybox:latest tar://busybox.tar
  occystrap process tar://busybox.tar 'registry://localhost:5000/busybox:1?insecure=true'
  occystrap process 'registry://docker.io/busybox?platform=linux/arm64' tar://busybox-arm64.tar
  occystrap process 'registry://quay.io/org/app:2?platform=all' registry://mirror.example/app:2
  occystrap process -f exclude:pattern=usr/share/doc,*.pyc tar://app.tar tar://small.tar
  occystrap process -f normalize-timestamps 'registry://quay.io/org/app:2?platform=all' ocidir://app
  occystrap process docker://busybox tar://busybox.tar
  occystrap process dockerpush://org/app:2 registry://mirror.example/app:2

With platform=all the whole index is copied with all its images, between registries and layouts.
Filters see each of them; what they change is listed anew, and what is about the old image, such as
an attestation, is left out and told.

\b
Many images, each under its own name behind the destination's:
  occystrap process 'quay://projectquay/*:latest' registry://mirror.example/quay
  occystrap process --shard 2/4 'quay://projectquay:v3.*' registry://mirror.example

Run again, it skips what is there already. Of a shard, such as 2/4, the images are always the same.

`occystrap --help` lists more options, which may stand here as well."""


@click.command(cls=Action, epilog=_EPILOG)
@click.argument("source")
@click.argument("destination")
@option(
    "-f",
    "--filter",
    "filters",
    multiple=True,
    metavar="FILTER",
    help="Let this happen to the image on its way. Can be repeated: the first one comes first.",
)
@option("--shard", metavar="N/OF", help="Of many images move one part of so many.")
@option("--again", is_flag=True, help="Of many images move also those that are there already.")
@click.pass_context
def process(
    ctx: click.Context,
    source: str,
    destination: str,
    filters: tuple[str, ...],
    *,
    shard: str | None,
    again: bool,
) -> None:
    """Move an image from SOURCE to DESTINATION, and verify it.

    Between registries the manifest and its layers are copied byte for byte, so every digest stays
    what it is. A tarball or an image of a daemon appears when it is whole; a tag, when everything
    below it is there.

    What is under way is shown on standard error. The exit code is 0 if the image has arrived, 1 if
    it hasn't, and 2 for a command line that can't be understood.
    """
    from occystrap.image.progress import progress_for  # noqa: PLC0415
    from occystrap.move import move  # noqa: PLC0415
    from occystrap.pipeline import PipelineBuilder  # noqa: PLC0415
    from occystrap.uri import parse_uri  # noqa: PLC0415

    as_json = Options.from_context(ctx).output_format == "json"
    echo = partial(click.echo, err=as_json)  # with JSON nothing else is on standard output
    with (
        progress_for(sys.stderr) as progress,
        PipelineBuilder(ctx, progress=progress, echo=echo) as builder,
    ):
        spec = parse_uri(source)
        if spec.scheme == "quay":
            from occystrap.commands.many import Many  # noqa: PLC0415

            # What filters make of an image can't be told from its digest.
            again = again or bool(filters)
            run = Many(builder, partial(move, builder, filters=filters), shard, again=again)
            run.process(spec, builder.read_destination(destination))
            ctx.exit(run.exit_code)
        if shard or again:
            raise click.UsageError("--shard and --again are for many images: quay://...", ctx)
        report = move(builder, source, destination, filters)
    _show(report, as_json=as_json)
    if report.errors:
        ctx.exit(1)


def _show(report: Report, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(report.to_document(), indent=2))
    click.echo(report.summary(), err=True)
    for kind, findings in (("errors", report.errors), ("warnings", report.warnings)):
        if findings:
            click.echo(f"Verification {kind}:", err=True)
        for finding in findings:
            click.echo(f"  [{finding.check}] {finding.message}", err=True)
    if report.left_out:
        click.echo("Left out:", err=True)
    for each in report.left_out:
        click.echo(f"  {each}", err=True)
