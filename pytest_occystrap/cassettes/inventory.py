"""What is on disk: the cassettes below some paths, and whether their bodies are there and whole.

Rule: everything is read, nothing is changed. A body is hashed once, however many cassettes name it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from occystrap.errors import CassetteError, InvalidDigest
from occystrap.oci.digest import Digest
from pytest_occystrap.cassettes.bodies import Body
from pytest_occystrap.cassettes.files import blobs_beside, read_cassette
from pytest_occystrap.cassettes.form import Cassette
from pytest_occystrap.cassettes.gate import find_secrets
from pytest_occystrap.cassettes.streams import scan
from pytest_occystrap.cassettes.vault import Lookout

__all__ = ["Inventory", "Problem", "cassettes_below", "drop_bodies"]

_SUFFIXES: Final = frozenset({".yaml", ".yml"})


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """What is wrong with a file; `place` is where in it, and `rule` what it breaks."""

    path: Path
    place: str
    rule: str
    is_warning: bool = False

    def __str__(self) -> str:
        place = f"{self.place}: " if self.place else ""
        return f"{self.path}: {place}{self.rule}"


def cassettes_below(paths: Iterable[Path]) -> list[Path]:
    """List the cassettes: a file is one whatever its name, and below a directory all YAML is."""
    found: dict[Path, None] = {}
    for path in paths:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        for each in inside:
            if not path.is_dir() or (each.suffix in _SUFFIXES and each.is_file()):
                found[each] = None
    return list(found)


@dataclass(slots=True)
class Inventory:
    """Goes through cassettes, and remembers which bodies they name."""

    problems: list[Problem] = field(default_factory=list[Problem])
    cassettes: int = 0
    interactions: int = 0
    _checked: dict[Path, str] = field(default_factory=dict[Path, str])

    def read(self, path: Path) -> Cassette | None:
        """Read a cassette; None if it is none, which is a problem, too."""
        self.cassettes += 1
        try:
            cassette = read_cassette(path)
        except CassetteError as error:
            self.problems.append(Problem(path, "", str(error).removeprefix(f"{path}: ")))
            return None
        self.interactions += len(cassette.interactions)
        return cassette

    def check(self, path: Path, cassette: Cassette) -> None:
        """See that its bodies are there, and are what they are called; look for secrets in it."""
        before = len(self.problems)
        for number, interaction in enumerate(cassette.interactions, 1):
            answer = interaction.response
            bodies = {"request": interaction.request.body}
            bodies |= {} if answer is None else {"response": answer.body}
            for part, body in bodies.items():
                if rule := self._check(body):
                    self.problems.append(Problem(path, f"interaction {number}, {part} body", rule))
        is_whole = len(self.problems) == before
        found = [(each.rule, each.place) for each in find_secrets(cassette, into_files=is_whole)]
        if not found:  # there may be more in a file than a cassette: comments, notes of other tools
            found = list(scan([path.read_bytes()], Lookout()))
        self.problems += [Problem(path, place, rule) for rule, place in found]

    def _check(self, body: Body) -> str:
        if isinstance(body.source, bytes):
            return ""
        if body.source not in self._checked:
            self._checked[body.source] = _fault_of(body)
        return self._checked[body.source]

    def find_orphans(self, directories: Iterable[Path]) -> None:
        """Warn of bodies below these directories that none of the cassettes names."""
        for path in sorted({each for directory in directories for each in _blobs_in(directory)}):
            if path not in self._checked:
                rule = "no cassette has this body"
                self.problems.append(Problem(path, "", rule, is_warning=True))


def drop_bodies(path: Path, before: Cassette, after: Cassette) -> None:
    """Remove the bodies that a cassette had before, and that no cassette beside it has now."""
    dropped = _files_of(before) - _files_of(after)
    if not dropped:
        return
    home = blobs_beside(path).directory.parent
    for other in cassettes_below([home]):
        try:
            dropped -= _files_of(read_cassette(other))
        except CassetteError:
            return  # whoever can't be read may need any of them
    for body in dropped:
        body.unlink(missing_ok=True)


def _files_of(cassette: Cassette) -> set[Path]:
    bodies = [each.request.body for each in cassette.interactions]
    bodies += [each.response.body for each in cassette.interactions if each.response is not None]
    return {body.source for body in bodies if isinstance(body.source, Path)}


def _fault_of(body: Body) -> str:
    try:
        for _ in body:
            pass
    except CassetteError as error:
        missing = isinstance(error.__cause__, FileNotFoundError)
        return f"the body {body.digest} is {'missing' if missing else 'corrupt'}"
    return ""


def _blobs_in(directory: Path) -> Iterator[Path]:
    """List the bodies of the cassettes of a directory, if they are below it, too."""
    kept = blobs_beside(directory / "any.yaml").directory
    if not kept.is_relative_to(directory.absolute()):
        return
    for path in kept.glob("*/*"):
        try:
            Digest.parse(f"{path.parent.name}:{path.name}")
        except InvalidDigest:
            continue
        yield path
