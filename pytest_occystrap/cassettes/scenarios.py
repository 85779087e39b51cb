"""Scenarios: how each cassette is recorded, as `scenarios.toml` tells it.

Rule: everything that differs from scenario to scenario is in that file: whom to ask, or what to
start and ask, and which command asks.

["quay.io/tags"]                # the name of the cassette
about = "..."                   # what it stands for
from = "https://quay.io"        # whom to ask; or `start`: a command that serves, and prints its URL
command = ["skopeo", "list-tags", "--tls-verify=false", "docker://{host}/org/app"]
server = "..."                  # software and version, where the traffic doesn't tell
environment = {TOKEN = "..."}   # variables that have to be set, and what they are
other_origins = "through"       # or "pass"
http2 = false                   # ask over HTTP/2
tls = false                     # let the command in over TLS
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, get_args

from occystrap.client.build import TLS
from occystrap.errors import CassetteError, InvalidOption
from occystrap.server.forward import OtherOrigins
from pytest_occystrap.cassettes.capture import Captured, capture, loopback, path_of
from pytest_occystrap.cassettes.driving import Door, run_command, started
from pytest_occystrap.cassettes.form import Provenance
from pytest_occystrap.cassettes.recorder import Recorder
from pytest_occystrap.cassettes.recording import Recording

__all__ = ["SCENARIOS", "Scenario", "Surroundings", "load_scenarios", "record_scenario"]

#: The name of the file, in a directory of cassettes.
SCENARIOS: Final = "scenarios.toml"

_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "str": (str,),
    "bool": (bool,),
    "tuple[str, ...]": (list,),
    "Mapping[str, str]": (dict,),
    "OtherOrigins": (str,),
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """How a cassette is recorded; `from` of the file is `url`."""

    name: str
    about: str
    command: tuple[str, ...]
    url: str = ""
    start: tuple[str, ...] = ()
    server: str = ""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    other_origins: OtherOrigins = "through"
    http2: bool = False
    tls: bool = False

    @property
    def live(self) -> bool:
        """Whether it needs a registry that nobody starts for it."""
        return not self.start


def load_scenarios(directory: Path) -> dict[str, Scenario]:
    """Read the scenarios of a directory of cassettes, by name.

    Raises:
        CassetteError: there are none, or the file says something else. The message says where.
    """
    path = directory / SCENARIOS
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CassetteError(f"can't read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CassetteError(f"{path}: {error}") from error
    try:
        return {name: _read(name, said, directory) for name, said in document.items()}
    except InvalidOption as error:
        raise CassetteError(f"{path}: {error}") from error


def _read(name: str, said: object, directory: Path) -> Scenario:
    path_of(name, directory)
    if not isinstance(said, dict):
        raise InvalidOption(f"{name!r} is no table")
    values: dict[str, Any] = {("url" if key == "from" else key): said[key] for key in said}
    known = {each.name: each for each in fields(Scenario) if each.name != "name"}
    if unknown := values.keys() - known.keys():
        raise InvalidOption(f"{name!r} has {', '.join(sorted(unknown))}, which nothing reads")
    for key, each in known.items():
        needed = each.default is MISSING and each.default_factory is MISSING
        if needed and not values.get(key):
            raise InvalidOption(f"{name!r} lacks {key}")
        if key in values and not isinstance(values[key], _KINDS[str(each.type)]):
            raise InvalidOption(f"{name!r}: {key} is no {each.type}")
    return _checked(Scenario(name, **{**values, **_tuples(values)}))


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: tuple(str(word) for word in value)
        for key, value in values.items()
        if isinstance(value, list)
    }


def _checked(scenario: Scenario) -> Scenario:
    if bool(scenario.url) == bool(scenario.start):
        raise InvalidOption(f"{scenario.name!r} needs `from` or `start`, and not both")
    if scenario.other_origins not in get_args(OtherOrigins):
        raise InvalidOption(f"{scenario.name!r}: other_origins is pass or through")
    return scenario


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What scenarios are recorded in: variables, a date (YYYY-MM-DD), and how the world is reached.

    Commands run in `root` and print to `output`; without them, where this process does.
    """

    environ: Mapping[str, str] = field(repr=False)
    today: str
    tls: TLS | None = None
    proxies: Mapping[str, str | None] = field(default_factory=dict[str, str | None], repr=False)
    root: Path | None = None
    output: IO[str] | None = None
    temp_dir: Path | None = None


def record_scenario(
    scenario: Scenario, directory: Path, around: Surroundings, *, upstream: Door | None = None
) -> Captured:
    """Record a scenario into a directory of cassettes; with `upstream`, from there.

    Raises:
        CassetteError: a variable isn't set, or a command failed; nothing is written then.
        occystrap.errors.OccystrapError: as Recording and save_cassette raise it.
    """
    needed = scenario.environment.items()
    missing = [f"{key} ({why})" for key, why in needed if key not in around.environ]
    if missing:
        raise CassetteError(f"{scenario.name} needs these variables: {', '.join(missing)}")

    def drive(door: Door) -> bool:
        command, root = scenario.command, around.root
        code = run_command(command, door, around.environ, directory=root, output=around.output)
        if code != 0:
            raise CassetteError(f"{scenario.name}: {command[0]} ended with code {code}")
        return True

    with _upstream(scenario, upstream, around) as asked:
        captured = capture(
            partial(_recording, scenario, asked, around),
            loopback(tls=scenario.tls),
            drive,
            path_of(scenario.name, directory),
            Provenance(around.today, scenario.server, about=scenario.about),
            temp_dir=around.temp_dir,
        )
    if captured.path is None:
        raise CassetteError(f"{scenario.name}: its command has asked nothing")
    return captured


def _recording(
    scenario: Scenario, asked: Door, around: Surroundings, recorder: Recorder
) -> Recording:
    far = asked.url == scenario.url
    return Recording(
        asked.url,
        recorder,
        other_origins=scenario.other_origins,
        http2=scenario.http2,
        tls=TLS(ca_file=asked.ca_file) if asked.ca_file else around.tls,
        proxies=around.proxies if far else None,
    )


@contextmanager
def _upstream(scenario: Scenario, given: Door | None, around: Surroundings) -> Iterator[Door]:
    if given is not None or not scenario.start:
        yield given or Door(scenario.url)
    else:
        with started(scenario.start, around.environ, directory=around.root) as door:
            yield door
