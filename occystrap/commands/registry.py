"""`occystrap registry`: run a registry of one's own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

import click

from occystrap.commands.extensible import ExtensibleCommand
from occystrap.commands.listening import Listening
from occystrap.commands.serve_options import SERVE_OPTIONS, ServeOptions
from occystrap.commands.serving import Front, Serving
from occystrap.errors import InvalidOption
from occystrap.options import Options
from occystrap.server.directory_store import DirectoryStore
from occystrap.server.registry import Registry

__all__ = ["registry"]

_EPILOG: Final = """\b
Examples:
  occystrap registry serve --dir ./images &
  skopeo copy --dest-tls-verify=false docker-archive:busybox.tar docker://127.0.0.1:5000/busybox:1
  occystrap --insecure process registry://127.0.0.1:5000/busybox:1 tar://busybox-again.tar

\b
  occystrap registry serve --image busybox.tar --image demo/app:2=app.tar
  occystrap registry serve --auth bearer --user alice:secret --anonymous-pull"""


@click.group()
def registry() -> None:
    """Run a registry of one's own."""


@registry.command(
    name="serve",
    cls=ExtensibleCommand,
    place="registry.serve",
    params=list(SERVE_OPTIONS),
    epilog=_EPILOG,
)
@click.pass_context
def serve_command(ctx: click.Context, /, **chosen: Any) -> None:
    """Serve a registry over HTTP, or with --tls over HTTPS, until Ctrl-C or SIGTERM.

    It is complete by the OCI distribution specification, and open to everyone who can reach it
    unless --auth says otherwise. Docker, podman and skopeo use it without TLS at a 127.0.0.1
    address, or when told that it is insecure.
    """
    said = ServeOptions.taken_from(chosen)
    command = cast("ExtensibleCommand", ctx.command)
    # main() turns SIGTERM into SystemExit: either way to stop is how this is meant to end.
    with (
        contextlib.suppress(KeyboardInterrupt, SystemExit),
        Listening(said.listen, tls=said.certificate) as listening,
    ):
        serving = Serving(
            _registry(said.directory, sparse=said.sparse),
            said.auth,
            dict(said.accounts),
            said.anonymous_pull,
            said.http2,
            listening.beside,
        )
        front = command.front(serving, chosen)
        names = _sow(serving.registry, said, front, Options.from_context(ctx).temp_dir)
        listener = listening.first(front.handler, http2=front.http2, greet=front.greet)
        where = "in memory" if said.directory is None else f"in {said.directory}"
        click.echo(f"Serving a registry at {listener.url}, images kept {where}; Ctrl-C stops it.")
        for line in (*_notes(listening, front), *(f"{listener.host}/{name}" for name in names)):
            click.echo(f"  {line}")
        threading.Event().wait()


def _registry(directory: Path | None, *, sparse: bool) -> Registry:
    try:
        store = None if directory is None else DirectoryStore(directory)
    except OSError as error:
        raise InvalidOption(f"can't keep images in {directory}: {error.strerror}") from error
    return Registry(store, automatic_mount=True, sparse=sparse)


def _sow(registry: Registry, said: ServeOptions, front: Front, temp_dir: str | None) -> list[str]:
    names = list[str]()
    if said.seeds:
        from occystrap.commands.seeding import sow  # noqa: PLC0415 - a client, only if it's needed

        names += sow(registry, said.seeds, temp_dir, library=front.library)
    front.filled()
    return names


def _notes(listening: Listening, front: Front) -> Iterator[str]:
    if listening.authority is not None:
        yield f"CA certificate: {listening.authority.ca_file}"
    yield from front.notes
