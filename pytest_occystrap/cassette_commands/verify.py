"""`occystrap cassette verify`: does the registry still answer as it was recorded?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import click
import httpx

from occystrap.client.build import TLS, Around, create_client
from occystrap.client.proxies import proxies_from
from occystrap.commands.variables import option
from occystrap.errors import InvalidOption
from occystrap.options import Options
from occystrap.server.origins import Origin
from pytest_occystrap.cassettes.capture import path_of
from pytest_occystrap.cassettes.files import load_cassette
from pytest_occystrap.cassettes.verifying import Played, Skipped, Verified, verify

__all__ = ["verify_command"]

_EPILOG: Final = """\b
Examples:
  occystrap cassette verify quay.io/tags --against https://quay.io
  occystrap -O json cassette verify distribution/push --against http://127.0.0.1:5000 --writes"""


@click.command(name="verify", epilog=_EPILOG)
@click.argument("name")
@option("--against", metavar="URL", required=True, help="The registry to ask.")
@option(
    "--dir",
    "directory",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default="cassettes",
    show_default=True,
    help="The directory of cassettes.",
)
@option(
    "--writes",
    is_flag=True,
    help="Push and delete as well, as the cassette does. Without it, what writes is left out, and"
    " what looks at the same repository afterwards.",
)
@click.pass_context
def verify_command(
    ctx: click.Context, name: str, against: str, directory: Path, *, writes: bool
) -> None:
    """Ask a registry what the cassette NAME asked, and show where it answers otherwise.

    Compared are the status, the names of headers and the values that clients depend on, the shape
    of JSON, and the bytes of what was asked for by digest. Tokens, uploads and pages are those that
    the registry gives out now. --username and --password take the place of a login that was
    recorded.

    The exit code is 0 if there is no difference, 1 if there is any or nothing could be asked, and 2
    for a command line that can't be understood.
    """
    options = Options.from_context(ctx)
    path = _checked(ctx, name, directory, against)
    login = None
    if options.username is not None and options.password is not None:
        login = options.username, options.password
    verified = verify(
        load_cassette(path), against, _connecting(options), writes=writes, login=login
    )
    if options.output_format == "json":
        click.echo(json.dumps(_as_document(verified), indent=2))
    else:
        _show(verified)
    click.echo(
        f"Summary: {len(verified.played)} requests asked again, {len(verified.drifted)} answered"
        f" otherwise, {len(verified.skipped)} left out",
        err=True,
    )
    if verified.drifted or not verified.played:
        ctx.exit(1)


def _checked(ctx: click.Context, name: str, directory: Path, against: str) -> Path:
    split = Origin.split(against)
    if split is None or split[1] != "/":
        raise click.BadParameter(
            "it is http://HOST:PORT or https://HOST:PORT", ctx, param_hint="--against"
        )
    try:
        return path_of(name, directory)
    except InvalidOption as error:
        raise click.UsageError(str(error), ctx) from error


def _connecting(options: Options) -> Any:
    files = (options.ca_file, options.cert, options.key)
    ca_file, certificate, key = (None if each is None else Path(each) for each in files)
    tls = TLS(ca_file, certificate, key, options.skip_verify)

    def connect(around: Around) -> httpx.Client:
        proxies = proxies_from(options.environ)
        return create_client(http2=False, tls=tls, proxies=proxies, around=around)

    return connect


def _show(verified: Verified) -> None:
    for step in verified.steps:
        match step:
            case Played(recorded, found) if found:
                click.echo(str(recorded.request))
                for each in found:
                    click.echo("".join(f"  {line}\n" for line in str(each).splitlines()), nl=False)
            case Skipped(recorded, reason):
                click.echo(f"{recorded.request}\n  left out: {reason}")


def _as_document(verified: Verified) -> dict[str, Any]:
    return {
        "played": len(verified.played),
        "drift": [
            {
                "request": str(each.recorded.request),
                "differences": [
                    {"what": one.what, "recorded": one.recorded, "now": one.now}
                    for one in each.found
                ],
            }
            for each in verified.drifted
        ],
        "left_out": [
            {"request": str(each.recorded.request), "reason": each.reason}
            for each in verified.skipped
        ],
    }
