"""Running a command with the address of a door that leads to a registry.

Rule: a command's arguments and variables say where the door is; all else of it is its own.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from occystrap.errors import CassetteError

__all__ = ["CANNOT_RUN", "NOT_FOUND", "Door", "run_command", "started"]

#: The exit codes of a shell for commands that can't be run, and that aren't there.
CANNOT_RUN: Final = 126
NOT_FOUND: Final = 127
_KILLED: Final = 128

_STOP_SECONDS: Final = 10.0
_PLACE: Final = re.compile(r"\{(url|host|ca_file|cert_dir|python|scratch)\}")
_URL: Final = re.compile(r"https?://[^\s/;,]+")
_CA: Final = "CA certificate: "


@dataclass(frozen=True, slots=True)
class Door:
    """Where a registry is: its base URL, and the authority to trust there as a file of PEM."""

    url: str
    ca_file: Path | None = None

    @property
    def host(self) -> str:
        """Host and port, as in the name of an image."""
        return self.url.partition("://")[2]

    def variables(self) -> dict[str, str]:
        """Say it as variables of the environment."""
        said = {"OCCYSTRAP_RECORD_URL": self.url, "OCCYSTRAP_RECORD_HOST": self.host}
        return said | (
            {} if self.ca_file is None else {"OCCYSTRAP_RECORD_CA_FILE": str(self.ca_file)}
        )

    def words(self, scratch: Path | None = None) -> dict[str, str]:
        """Say it as what stands for `{url}` and the like."""
        words = {"url": self.url, "host": self.host, "python": sys.executable}
        if self.ca_file is not None:
            words |= {"ca_file": str(self.ca_file), "cert_dir": str(self.ca_file.parent)}
        return words if scratch is None else words | {"scratch": str(scratch)}


def _filled(argument: str, words: Mapping[str, str]) -> str:
    """Put words in their places; other braces are the command's own."""
    return _PLACE.sub(lambda found: words.get(found[1], found[0]), argument)


def run_command(
    command: Sequence[str],
    door: Door,
    environ: Mapping[str, str],
    *,
    directory: Path | None = None,
    output: IO[str] | None = None,
) -> int:
    """Run a command to its end; return its exit code, as a shell would say it.

    `{url}`, `{host}`, `{ca_file}`, `{cert_dir}`, `{python}` and `{scratch}` in its arguments are
    filled in; the last is an empty directory that is removed afterwards. When this is interrupted,
    the command is stopped.
    """
    with tempfile.TemporaryDirectory(prefix="occystrap-scratch-") as scratch:
        words = door.words(Path(scratch))
        arguments = [_filled(each, words) for each in command]
        try:
            process = subprocess.Popen(  # noqa: S603 - it is the user's own command
                arguments, env={**environ, **door.variables()}, cwd=directory, stdout=output
            )
        except FileNotFoundError:
            return NOT_FOUND
        except OSError:
            return CANNOT_RUN
        with _stopped_at_last(process):
            code = process.wait()
    return code if code >= 0 else _KILLED - code


@contextlib.contextmanager
def started(
    command: Sequence[str], environ: Mapping[str, str], *, directory: Path | None = None
) -> Iterator[Door]:
    """Run a command that serves a registry, as long as the block lasts.

    The first line that it prints has its URL. If that is one of TLS, a later one is
    `CA certificate: PATH`. Nobody reads what it prints after that, so it shouldn't be much.

    Raises:
        CassetteError: it can't be run, or says something else.
    """
    arguments = [_filled(each, {"python": sys.executable}) for each in command]
    try:
        process = subprocess.Popen(  # noqa: S603 - of the user's own scenarios
            arguments, env=dict(environ), cwd=directory, stdout=subprocess.PIPE, text=True
        )
    except OSError as error:
        raise CassetteError(f"can't start {arguments[0]}: {error.strerror}") from error
    with process, _stopped_at_last(process):
        assert process.stdout is not None  # noqa: S101 - narrows the type
        yield _read_door(process.stdout, arguments[0])


def _read_door(lines: Iterator[str] | IO[str], program: str) -> Door:
    found = _URL.search(next(iter(lines), ""))
    if found is None:
        raise CassetteError(f"{program} should have said in its first line where it listens")
    url = found[0]
    if url.startswith("http://"):
        return Door(url)
    for line in lines:
        _, label, path = line.partition(_CA)
        if label:
            return Door(url, Path(path.strip()))
    raise CassetteError(f"{program} should have said which CA certificate to trust")


@contextlib.contextmanager
def _stopped_at_last(process: subprocess.Popen[Any]) -> Iterator[None]:
    """Stop a process that still runs when the block ends, kindly at first."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
