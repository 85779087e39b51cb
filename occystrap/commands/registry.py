"""`occystrap registry`: run a registry of one's own."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any, Final, cast

import click

from occystrap.commands.serve_values import AccountType, Seed, SeedType
from occystrap.commands.serving import ExtensibleCommand, Serving
from occystrap.errors import InvalidOption
from occystrap.options import Options
from occystrap.server.directory_store import DirectoryStore
from occystrap.server.doors.listener import Listener, parse_address, serve
from occystrap.server.message import Handler
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


@registry.command(name="serve", cls=ExtensibleCommand, epilog=_EPILOG)
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
@click.option(
    "--image",
    "seeds",
    type=SeedType(),
    multiple=True,
    help="Begin with the images of a tarball, as docker save, podman save, skopeo or buildx write"
    " them; under the name before the '=', or else those in the tarball. Can be repeated.",
)
@click.option(
    "--auth",
    type=click.Choice(["basic", "bearer"]),
    help="Ask for a password, or for a token that is given out for a password. Bearer without"
    " --user gives tokens to everyone.",
)
@click.option(
    "--user",
    "accounts",
    type=AccountType(),
    multiple=True,
    help="Let in who has this name and password, which everyone on the machine can see in the list"
    " of processes. Can be repeated.",
)
@click.option(
    "--anonymous-pull",
    is_flag=True,
    help="With --auth bearer, give strangers tokens to pull with.",
)
@click.option(
    "--sparse",
    is_flag=True,
    help="Take manifests that name blobs or manifests which aren't there, as an index for some of"
    " its platforms only.",
)
@click.pass_context
def serve_command(
    ctx: click.Context,
    /,
    *,
    listen: str,
    directory: Path | None,
    seeds: tuple[Seed, ...],
    auth: str | None,
    accounts: tuple[tuple[str, str], ...],
    anonymous_pull: bool,
    sparse: bool,
    **chosen: Any,
) -> None:
    """Serve a registry over plain HTTP until Ctrl-C or SIGTERM.

    It is complete by the OCI distribution specification, and open to everyone who can reach it
    unless --auth says otherwise. Docker, podman and skopeo use it without TLS at a 127.0.0.1
    address, or when told that it is insecure.
    """
    address = parse_address(listen)
    serving = Serving(_registry(directory, sparse=sparse), auth, dict(accounts), anonymous_pull)
    handler = cast("ExtensibleCommand", ctx.command).front(serving, chosen)
    names = _sow(serving.registry, seeds, Options.from_context(ctx).temp_dir) if seeds else []
    where = "in memory" if directory is None else f"in {directory}"
    # main() turns SIGTERM into SystemExit: either way to stop is how this is meant to end.
    with (
        contextlib.suppress(KeyboardInterrupt, SystemExit),
        _listen(handler, listen, address) as listener,
    ):
        click.echo(f"Serving a registry at {listener.url}, images kept {where}; Ctrl-C stops it.")
        for name in names:
            click.echo(f"  {listener.host}/{name}")
        threading.Event().wait()


def _registry(directory: Path | None, *, sparse: bool) -> Registry:
    try:
        store = None if directory is None else DirectoryStore(directory)
    except OSError as error:
        raise InvalidOption(f"can't keep images in {directory}: {error.strerror}") from error
    return Registry(store, automatic_mount=True, sparse=sparse)


def _sow(registry: Registry, seeds: tuple[Seed, ...], temp_dir: str | None) -> list[str]:
    from occystrap.commands.seeding import sow  # noqa: PLC0415 - a client, only if it's needed

    return list(sow(registry, seeds, temp_dir))


def _listen(handler: Handler, listen: str, address: tuple[str, int]) -> Listener:
    try:
        return serve(handler, address)
    except OSError as error:
        raise InvalidOption(
            f"can't listen on {listen}: {error.strerror}; --listen chooses another address"
        ) from error
