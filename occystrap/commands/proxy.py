"""`occystrap proxy`: a registry in front of another one, with filters in between."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from occystrap.commands.listening import Listening
from occystrap.commands.proxy_options import PROXY_OPTIONS, ProxyOptions
from occystrap.filters.build import read_filters
from occystrap.options import Options
from occystrap.pipeline import PipelineBuilder
from occystrap.proxy.downstream import Remote, read_place
from occystrap.proxy.handler import Manner, Proxy
from occystrap.proxy.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable

    from occystrap.server.doors.listener import Listener

__all__ = ["proxy"]

_EPILOG: Final = """\b
Examples:
  occystrap proxy -d registry.example/team -f normalize-timestamps &
  skopeo copy --dest-tls-verify=false docker-archive:app.tar docker://127.0.0.1:5050/app:1

\b
A mirror that fetches what it hasn't yet:
  occystrap proxy -d mirror.example/hub -u docker.io &
  docker pull 127.0.0.1:5050/library/busybox

Global options, wherever they stand, count for what goes downstream: --username, --insecure,
--compression, --layer-cache and all others."""


@click.command(params=list(PROXY_OPTIONS), epilog=_EPILOG)
@click.pass_context
def proxy(ctx: click.Context, /, **chosen: Any) -> None:
    """Take pushes, and pass images on through filters to a registry, until Ctrl-C or SIGTERM.

    A push is answered when its image is there, with the digest that it has there. What is asked
    for comes from there, too, or with --upstream is brought there first.
    """
    said = ProxyOptions(**chosen)
    said.guard.check()
    options = Options.from_context(ctx)
    manner = Manner(read_filters(said.filters, options.temp_dir), said.concurrency, said.disk_limit)
    place, upstream_place = read_place(said.downstream), said.upstream_place()
    with contextlib.ExitStack() as stack:
        builder = stack.enter_context(PipelineBuilder(ctx, echo=click.echo))
        upstream = None
        if upstream_place is not None:
            # What is meant for the one registry isn't told to the other.
            theirs = replace(options, username=None, password=None, insecure=False)
            client, traffic = ctx.obj.get("CLIENT"), builder.traffic
            other = stack.enter_context(PipelineBuilder(theirs, client=client, traffic=traffic))
            upstream = Remote(other, upstream_place)
        downstream = Remote(builder, place)
        handler = stack.enter_context(Proxy(builder, downstream, upstream, manner=manner))
        listening = stack.enter_context(Listening(said.address, tls=said.certificate))
        if not _serve(handler, listening, said, pulls=upstream is not None):
            ctx.exit(1)


def _serve(handler: Proxy, listening: Listening, said: ProxyOptions, *, pulls: bool) -> bool:
    """Serve until somebody stops it; False if something was broken off then."""
    work = Work(handler)
    tell: Callable[[str], None] = partial(click.echo, err=True)
    listener: Listener | None = None
    # main() turns SIGTERM into SystemExit: either way to stop is how this is meant to end.
    with contextlib.suppress(KeyboardInterrupt, SystemExit):
        listener = listening.first(said.guard.around(work))
        tell(f"Proxy registry listening on {listener.host}")
        if listening.authority is not None:
            tell(f"  CA certificate: {listening.authority.ca_file}")
        ready = "Ready for pushes and pulls." if pulls else "Ready to receive pushes."
        tell(f"{ready} Press Ctrl+C to stop.")
        threading.Event().wait()
    ended = work.end(said.grace)
    if not ended:
        tell(f"What is still under way after {said.grace:g} seconds is broken off.")
        if listener is not None:
            listener.close(0)
    tell(f"Proxy stopped. {handler.counts}")
    return ended
