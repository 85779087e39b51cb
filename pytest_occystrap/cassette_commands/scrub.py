"""`occystrap cassette scrub`: replace the secrets in cassettes, in place."""

from __future__ import annotations

from pathlib import Path

import click

from occystrap.commands.variables import option
from occystrap.errors import CassetteError
from pytest_occystrap.cassettes.files import read_cassette, save_cassette
from pytest_occystrap.cassettes.inventory import cassettes_below, drop_bodies

__all__ = ["scrub"]

_EPILOG = """\b
Examples:
  occystrap cassette scrub tests/cassettes/test_pull.yaml
  occystrap cassette scrub --internal-host registry.acme.example tests/cassettes"""


@click.command(epilog=_EPILOG)
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATHS"
)
@option(
    "--internal-host",
    "hosts",
    multiple=True,
    metavar="HOST",
    help="Replace this host name, too. Can be repeated.",
)
@click.pass_context
def scrub(ctx: click.Context, paths: tuple[Path, ...], hosts: tuple[str, ...]) -> None:
    """Replace the secrets in cassettes: files, or all that are below directories.

    The same secret becomes the same placeholder wherever it is in a cassette. One that holds a
    secret where none can be replaced, such as in a blob, stays as it is. The exit code is 0 if all
    are clean now.
    """
    failed = False
    for path in cassettes_below(paths):
        try:
            said = _scrub(path, hosts)
        except CassetteError as error:
            said, failed = f"Error: {error}", True
        click.echo(said, err=said.startswith("Error: "))
    if failed:
        ctx.exit(1)


def _scrub(path: Path, hosts: tuple[str, ...]) -> str:
    before, text = read_cassette(path), path.read_bytes()
    after = save_cassette(before, path, internal_hosts=hosts)
    drop_bodies(path, before, read_cassette(path))
    if after == before:
        return f"{path}: " + ("clean" if path.read_bytes() == text else "clean, written anew")
    changed = sum(a != b for a, b in zip(before.interactions, after.interactions, strict=True))
    return f"{path}: scrubbed, {changed} of {len(after.interactions)} interactions"
