"""Recording from beginning to end: open a door, let somebody in, close it, write what passed.

Rule: a cassette is written once, whole, when everything has come to an end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from occystrap import __version__
from occystrap.errors import CassetteError, InvalidOption
from occystrap.server.doors.listener import serve
from occystrap.server.doors.tls import shared_authority
from occystrap.server.message import Handler
from pytest_occystrap.cassettes.driving import Door
from pytest_occystrap.cassettes.files import read_cassette, save_cassette
from pytest_occystrap.cassettes.form import Cassette, Interaction, Provenance
from pytest_occystrap.cassettes.inventory import drop_bodies
from pytest_occystrap.cassettes.recorder import LeftOut, Recorder
from pytest_occystrap.cassettes.recording import Recording

__all__ = ["Captured", "OpenDoor", "capture", "loopback", "path_of"]

OpenDoor = Callable[[Handler], AbstractContextManager[Door]]

_SUFFIX: Final = ".yaml"


@dataclass(frozen=True, slots=True)
class Captured:
    """What was recorded: where it is, and what isn't in it. `path` is None if nothing passed."""

    path: Path | None
    cassette: Cassette
    left_out: tuple[LeftOut, ...]

    @property
    def bodies(self) -> tuple[int, int]:
        """How many bodies there are that differ, and their bytes together."""
        interactions = self.cassette.interactions
        found = {each.request.body for each in interactions if each.request.body.size}
        found |= {
            each.response.body for each in interactions if each.response and each.response.body.size
        }
        return len(found), sum(body.size for body in found)


def path_of(name: str, directory: Path) -> Path:
    """Say where the cassette of a name is: `quay.io/tags` is `DIRECTORY/quay.io/tags.yaml`.

    Raises:
        InvalidOption: the name leads out of the directory.
    """
    plain = name.removesuffix(_SUFFIX)
    parts = PurePosixPath(plain).parts
    if not parts or plain.startswith("/") or ".." in parts or "\0" in plain:
        raise InvalidOption(f"not a name of a cassette: {name!r} (it is HOST/SCENARIO)")
    return directory.joinpath(*parts[:-1], f"{parts[-1]}{_SUFFIX}")


class _Loopback(AbstractContextManager[Door]):
    def __init__(self, handler: Handler, *, tls: bool) -> None:
        context = shared_authority().server_context() if tls else None
        self._listener = serve(handler, tls=context)
        self._ca_file = shared_authority().ca_file if tls else None

    def __enter__(self) -> Door:
        return Door(self._listener.url, self._ca_file)

    def __exit__(self, *_: object) -> None:
        self._listener.close()


def loopback(*, tls: bool = False) -> OpenDoor:
    """Open a door at a free port of this machine, over plain HTTP unless `tls`."""
    return lambda handler: _Loopback(handler, tls=tls)


def capture(
    recording: Callable[[Recorder], Recording],
    open_door: OpenDoor,
    drive: Callable[[Door], bool],
    path: Path,
    provenance: Provenance,
    *,
    temp_dir: Path | None = None,
) -> Captured:
    """Record what passes while `drive` lasts; write it if that returns true, and anything passed.

    What `provenance` doesn't say of server and client is read in the traffic.

    Raises:
        ImageOutputError: the cassette can't be written.
        CassetteError: it can't be written without a secret.
    """
    with Recorder(directory=temp_dir) as recorder:
        with recording(recorder) as asking, open_door(asking) as door:
            wanted = drive(door)
        interactions, left_out = recorder.interactions, recorder.left_out
        cassette = Cassette(interactions, _completed(provenance, interactions))
        if not (wanted and interactions):
            return Captured(None, cassette, left_out)
        return Captured(path, _replace(path, cassette), left_out)


def _replace(path: Path, cassette: Cassette) -> Cassette:
    """Write a cassette in the place of an older one, whose bodies go unless somebody has them."""
    try:
        before = read_cassette(path)
    except CassetteError:
        return save_cassette(cassette, path)
    saved = save_cassette(cassette, path)
    drop_bodies(path, before, read_cassette(path))
    return saved


def _completed(provenance: Provenance, interactions: tuple[Interaction, ...]) -> Provenance:
    seen = {
        "server": _said(
            each.response.headers.get("Server") for each in interactions if each.response
        ),
        "client": _said(each.request.headers.get("User-Agent") for each in interactions),
        "by": f"occystrap {__version__}",
    }
    missing = {name: value for name, value in seen.items() if not getattr(provenance, name)}
    return replace(provenance, **missing)


def _said(values: Iterable[str | None]) -> str:
    """List what was said, the first word of each, once."""
    return ", ".join(dict.fromkeys(value.split()[0] for value in values if value and value.strip()))
