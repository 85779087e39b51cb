"""Cassettes by name: `quay/pull` is `quay/pull.yaml` in the directory of cassettes.

Rule: what ends in `.yaml` or `.yml` is a path, all else a name.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from occystrap.errors import CassetteError
from pytest_occystrap.cassettes.files import load_cassette
from pytest_occystrap.cassettes.form import Cassette

__all__ = ["CassetteLike", "find_cassette", "read_cassettes"]

#: A name, a path, or a cassette that somebody has read or made.
CassetteLike = str | Path | Cassette

_SUFFIXES: Final = (".yaml", ".yml")
_MOST_LISTED: Final = 20


def find_cassette(name: str | Path, directory: Path) -> Path:
    """Say where a cassette is.

    Raises:
        CassetteError: there is none; the message says what was perhaps meant, or what there is.
    """
    if isinstance(name, Path) or name.endswith(_SUFFIXES):
        # A path is from where pytest runs, or from the directory of cassettes.
        path = Path(name)
        return path if path.is_file() or path.is_absolute() else _first_of(directory / path, path)
    for suffix in _SUFFIXES:
        path = directory / f"{name}{suffix}"
        if path.is_file():
            return path
    there = sorted(
        str(path.relative_to(directory).with_suffix(""))
        for path in directory.rglob("*")
        if path.suffix in _SUFFIXES
    )
    near = difflib.get_close_matches(name, there, n=1)
    listed = ", ".join(there[:_MOST_LISTED]) or "none at all"
    hint = f"did you mean {near[0]!r}?" if near else f"there are {listed}"
    raise CassetteError(f"there is no cassette {name!r} in {directory}; {hint}")


def _first_of(*paths: Path) -> Path:
    return next((path for path in paths if path.is_file()), paths[-1])


def read_cassettes(wanted: Iterable[CassetteLike], directory: Path) -> Cassette:
    """Read cassettes, and put one behind the other; provenance is that of the first.

    Raises:
        CassetteError: one isn't there or can't be read, or none is wanted.
    """
    cassettes = [
        each if isinstance(each, Cassette) else load_cassette(find_cassette(each, directory))
        for each in wanted
    ]
    if not cassettes:
        raise CassetteError("no cassette is named")
    interactions = tuple(each for cassette in cassettes for each in cassette.interactions)
    return Cassette(interactions, cassettes[0].provenance)
