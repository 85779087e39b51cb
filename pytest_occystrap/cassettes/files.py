"""Cassettes as files: `DIRECTORY/.../NAME.yaml`, with their bodies in `DIRECTORY/blobs`.

Rule: a file is there whole or not at all, and the same cassette is the same file. No secret gets
past here: what is saved is scrubbed first, and what still looks like a secret is neither saved nor
loaded. Nothing switches that off.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from occystrap.errors import CassetteError, OccystrapError, SecretFound
from pytest_occystrap.cassettes.bodies import Blobs, write_whole
from pytest_occystrap.cassettes.document import from_document, to_document
from pytest_occystrap.cassettes.form import Cassette
from pytest_occystrap.cassettes.gate import Finding, find_secrets
from pytest_occystrap.cassettes.scrubbing import scrub_knowing

__all__ = [
    "admitted",
    "blobs_beside",
    "load_cassette",
    "read_cassette",
    "save_cassette",
    "scrubbed",
]

#: The directory that holds cassettes and their bodies, by its name.
_HOME: Final = "cassettes"
_BLOBS: Final = "blobs"
_SHOWN: Final = 3
_WIDTH: Final = 100_000  # YAML folds no line: a diff shows the header that changed, and no other
#: libyaml, where PyYAML was built with it: 8 times as fast.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Final = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def blobs_beside(path: Path) -> Blobs:
    """Say where the bodies of a cassette are: in the nearest directory of cassettes above it.

    That is one called `cassettes`, or one that holds `blobs` already; else its own.
    """
    own = Path(path).absolute().parent
    home = next((each for each in (own, *own.parents) if _is_home(each)), own)
    return Blobs(home / _BLOBS)


def _is_home(directory: Path) -> bool:
    return directory.name == _HOME or (directory / _BLOBS / "sha256").is_dir()


def load_cassette(path: Path) -> Cassette:
    """Read a cassette; its bodies are looked for when they are read.

    Raises:
        CassetteError: there is none, it is none, or it can't be read.
        SecretFound: there is what looks like a secret in the file. (Bodies in files of their own
            were looked at when they were saved; `occystrap cassette check` does it again.)
    """
    return admitted(read_cassette(path), path)


def admitted(cassette: Cassette, path: Path) -> Cassette:
    """Return what was read of a file, however that was done.

    Raises:
        SecretFound: there is what looks like a secret in it.
    """
    found = find_secrets(cassette, into_files=False)
    _refuse(f"{path} isn't loaded", found, f"; to scrub it: occystrap cassette scrub {path}")
    return cassette


def read_cassette(path: Path) -> Cassette:
    """Read a cassette, whatever is in it: for what checks and mends it.

    Raises:
        CassetteError: as `load_cassette` does.
    """
    try:
        document: Any = yaml.load(path.read_bytes(), Loader=_LOADER)  # noqa: S506 - a safe loader
        return from_document(document, blobs_beside(path))
    except OSError as error:
        raise CassetteError(f"can't read the cassette {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise CassetteError(f"{path} is no YAML: {error}") from error
    except OccystrapError as error:
        raise CassetteError(f"{path}: {error}") from error


def save_cassette(
    cassette: Cassette, path: Path, *, internal_hosts: Collection[str] = ()
) -> Cassette:
    """Scrub and write a cassette, and return it as it was written.

    `internal_hosts` are host names to be replaced beside those that are recognised.

    Raises:
        ImageOutputError: the system can't write it.
        SecretFound: there is what looks like a secret where none can be replaced, such as in a
            blob. Nothing is written.
        CassetteError: a body can't be read.
    """
    cassette = scrubbed(cassette, path, internal_hosts=internal_hosts)
    document = to_document(cassette, blobs_beside(path))
    text = yaml.dump(
        document,
        Dumper=_DUMPER,
        allow_unicode=True,
        sort_keys=False,
        width=_WIDTH,
        encoding="utf-8",
    )
    write_whole(path, [text])
    return cassette


def scrubbed(cassette: Cassette, path: Path, *, internal_hosts: Collection[str] = ()) -> Cassette:
    """Return what may be written to a file, however that is done.

    Raises:
        SecretFound: there is what looks like a secret where none can be replaced.
        CassetteError: a body can't be read.
    """
    cassette, secrets = scrub_knowing(cassette, internal_hosts)
    found = find_secrets(cassette, known=secrets, internal_hosts=internal_hosts)
    _refuse(f"{path} isn't saved", found)
    return cassette


def _refuse(what: str, found: Sequence[Finding], cure: str = "") -> None:
    if not found:
        return
    findings = tuple(map(str, found))
    shown = "; ".join(findings[:_SHOWN])
    more = f" and {len(findings) - _SHOWN} more" if len(findings) > _SHOWN else ""
    raise SecretFound(f"{what}: it holds what looks like a secret: {shown}{more}{cure}", findings)
