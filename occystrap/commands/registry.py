"""`occystrap registry`: run a registry of one's own."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import click

from occystrap.errors import InvalidOption
from occystrap.server.directory_store import DirectoryStore
from occystrap.server.doors.listener import Listener, parse_address, serve
from occystrap.server.registry import Registry

__all__ = ["registry"]

_EXAMPLE = """\b
Example:
  occystrap registry serve --dir ./images &
  skopeo copy --dest-tls-verify=false docker-archive:busybox.tar docker://127.0.0.1:5000/busybox:1
  occystrap --insecure process registry://127.0.0.1:5000/busybox:1 tar://busybox-again.tar"""


@click.group()
def registry() -> None:
    """Run a registry of one's own."""


@registry.command(name="serve", epilog=_EXAMPLE)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    default="127.0.0.1:5000",
    show_default=True,
    help="Where to listen; port 0 takes any that is free.",
)
@click.option(
    "--dir",
    "directory",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Keep images in this directory, laid out as docker-registry lays out its own, instead of"
    " in memory.",
)
def serve_command(listen: str, directory: Path | None) -> None:
    """Serve a registry over plain HTTP until Ctrl-C or SIGTERM.

    It is complete for pull and push and open to everyone who can reach it. Docker, podman and
    skopeo use it without TLS at a 127.0.0.1 address, or when told that it is insecure.
    """
    where = "in memory" if directory is None else f"in {directory}"
    # main() turns SIGTERM into SystemExit: either way to stop is how this is meant to end.
    with contextlib.suppress(KeyboardInterrupt, SystemExit), _listen(listen, directory) as listener:
        click.echo(f"Serving a registry at {listener.url}, images kept {where}; Ctrl-C stops it.")
        threading.Event().wait()


def _listen(listen: str, directory: Path | None) -> Listener:
    address = parse_address(listen)
    try:
        store = None if directory is None else DirectoryStore(directory)
    except OSError as error:
        raise InvalidOption(f"can't keep images in {directory}: {error.strerror}") from error
    try:
        return serve(Registry(store), address)
    except OSError as error:
        raise InvalidOption(
            f"can't listen on {listen}: {error.strerror}; --listen chooses another address"
        ) from error
