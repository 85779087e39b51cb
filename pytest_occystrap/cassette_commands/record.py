"""`occystrap cassette record`: keep what a command and a registry say to each other."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import click

from occystrap.client.build import TLS
from occystrap.client.proxies import proxies_from
from occystrap.commands.listening import Listening
from occystrap.errors import InvalidOption, OccystrapError
from occystrap.options import Options
from occystrap.server.message import Handler
from pytest_occystrap.cassette_commands.record_options import RECORD_OPTIONS, RecordOptions
from pytest_occystrap.cassette_commands.recorded import Failure, output_for, show
from pytest_occystrap.cassettes.capture import Captured, capture, path_of
from pytest_occystrap.cassettes.driving import CANNOT_RUN, NOT_FOUND, Door, run_command
from pytest_occystrap.cassettes.form import Provenance
from pytest_occystrap.cassettes.recorder import Recorder
from pytest_occystrap.cassettes.recording import Recording
from pytest_occystrap.cassettes.scenarios import (
    Scenario,
    Surroundings,
    load_scenarios,
    record_scenario,
)

__all__ = ["record"]

_EPILOG: Final = """\b
Examples:
  occystrap cassette record quay.io/tags --from https://quay.io -- \\
    skopeo list-tags --tls-verify=false docker://{host}/podman/hello
  occystrap --ca-file ca.pem cassette record mine/pull --from https://r.example -- ./pull.sh
  occystrap cassette record mine/by-hand --from https://r.example --listen 127.0.0.1:5001
  occystrap cassette record --scenario 'quay.io/*'"""


@click.command(params=list(RECORD_OPTIONS), epilog=_EPILOG)
@click.pass_context
def record(ctx: click.Context, /, **chosen: Any) -> None:
    """Run COMMAND, and keep what passes between it and a registry as the cassette NAME.

    COMMAND finds the registry where {url} and {host} in its arguments say, and the variables
    OCCYSTRAP_RECORD_URL and OCCYSTRAP_RECORD_HOST; with --tls, {ca_file}, {cert_dir} and
    OCCYSTRAP_RECORD_CA_FILE, too. {python} is this Python, {scratch} an empty directory that is
    removed afterwards. Without COMMAND the recording goes on until Ctrl-C or SIGTERM.

    The cassette is written when COMMAND has ended, whether it failed or not, and replaces the one
    that was there. When COMMAND is stopped by Ctrl-C, nothing is written.

    The exit code is that of COMMAND: 126 if it can't be run, 127 if it isn't there. It is 125 if
    COMMAND has asked nothing or the cassette can't be written, and 2 for a command line that can't
    be understood. With --scenario it is 0 if all were recorded, else 125.
    """
    said, options = RecordOptions.taken_from(chosen), Options.from_context(ctx)
    around = _surroundings(options)
    try:
        if said.scenarios:
            _record_scenarios(said, around, as_json=options.output_format == "json")
            return
        code, captured = _record_command(said, around)
    except InvalidOption as error:
        raise click.UsageError(str(error), ctx) from error
    except OccystrapError as error:
        raise Failure(" ".join(str(error).split())) from error
    _finish(ctx, code, captured, options)


def _surroundings(options: Options) -> Surroundings:
    tls = TLS(_path(options.ca_file), _path(options.cert), _path(options.key), options.skip_verify)
    return Surroundings(
        options.environ,
        time.strftime("%Y-%m-%d"),
        tls,
        proxies_from(options.environ),
        output=output_for(as_json=options.output_format == "json"),
        temp_dir=_path(options.temp_dir),
    )


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _finish(ctx: click.Context, code: int, captured: Captured, options: Options) -> None:
    if captured.path is not None:
        show([captured], as_json=options.output_format == "json")
    elif code == 0:
        raise Failure("nothing was recorded: the command has asked nothing at {url} or {host}")
    else:
        click.echo("Nothing was recorded.", err=True)
    ctx.exit(code)


def _record_command(said: RecordOptions, around: Surroundings) -> tuple[int, Captured]:
    assert said.name is not None and said.url is not None  # noqa: S101, PT018 - RecordOptions saw to it
    url, path, code = said.url, path_of(said.name, said.directory), 0

    def recording(recorder: Recorder) -> Recording:
        return Recording(
            url,
            recorder,
            other_origins=said.other_origins,
            http2=said.ask_http2,
            tls=around.tls,
            proxies=around.proxies,
        )

    def drive(door: Door) -> bool:
        nonlocal code
        if said.command:
            code = run_command(said.command, door, around.environ, output=around.output)
            _explain(code, said.command[0])
        else:
            _wait(url, door)
        return True

    @contextmanager
    def open_door(handler: Handler) -> Iterator[Door]:
        with Listening(said.listen, tls=said.certificate) as listening:
            url = listening.first(handler).url
            made, given = listening.authority, said.tls_cert
            yield Door(url, made.ca_file if made is not None else given)

    provenance = Provenance(around.today, said.server, about=said.about)
    captured = capture(recording, open_door, drive, path, provenance, temp_dir=around.temp_dir)
    return code, captured


def _explain(code: int, program: str) -> None:
    if code in (CANNOT_RUN, NOT_FOUND):
        said = "isn't there" if code == NOT_FOUND else "can't be run"
        click.echo(f"{program} {said}.", err=True)


def _wait(url: str, door: Door) -> None:
    """Let the recording go on until somebody ends it."""
    click.echo(f"Recording {url} at {door.url}; Ctrl-C ends and writes it.", err=True)
    if door.ca_file is not None:
        click.echo(f"  CA certificate: {door.ca_file}", err=True)
    try:
        threading.Event().wait()
    except (KeyboardInterrupt, SystemExit):
        click.echo("Recorded.", err=True)


def _record_scenarios(said: RecordOptions, around: Surroundings, *, as_json: bool) -> None:
    chosen = _find(load_scenarios(said.directory), said.scenarios)
    upstream = None if said.url is None else Door(said.url)
    captured, failed = list[Captured](), 0
    for scenario in chosen:
        try:
            captured.append(record_scenario(scenario, said.directory, around, upstream=upstream))
        except OccystrapError as error:
            click.echo(f"Error: {' '.join(str(error).split())}", err=True)
            failed += 1
    show(captured, as_json=as_json)
    if failed:
        raise Failure(f"{failed} of {len(chosen)} scenarios were not recorded")


def _find(known: dict[str, Scenario], patterns: tuple[str, ...]) -> list[Scenario]:
    found = [
        each for name, each in known.items() if any(fnmatchcase(name, one) for one in patterns)
    ]
    if not found:
        raise InvalidOption(
            f"no scenario is called {' or '.join(patterns)}; there is: {', '.join(known)}"
        )
    return found
