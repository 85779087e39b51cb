"""What vcrpy keeps cassettes with: files as all cassettes are, whatever it would do itself.

Rule: what was going to keep a cassette is wrapped. Nothing is kept or given out that hasn't passed
through files.py, so that no setting of vcrpy gets around it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Protocol

from vcr.persisters.filesystem import CassetteNotFoundError, FilesystemPersister
from vcr.request import Request

from pytest_occystrap.cassettes.files import admitted, scrubbed
from pytest_occystrap.cassettes.form import Cassette, Provenance
from pytest_occystrap.cassettes.vcrpy.storing import is_there, read, write
from pytest_occystrap.cassettes.vcrpy.values import Serializer, from_cassette, plain, to_cassette

__all__ = ["Persister", "persister_around"]

#: The module that has a persister of several cassettes for a test.
_RECORDING: Final = "pytest_recording."


class Persister(Protocol):
    """Keeps cassettes: an object, or a class that is used as one."""

    def load_cassette(self, cassette_path: Any, serializer: Serializer) -> Any:
        """Return requests, responses, and metadata if there is any."""
        ...

    def save_cassette(
        self, cassette_path: Any, cassette_dict: dict[str, Any], serializer: Serializer
    ) -> None:
        """Keep requests and responses."""
        ...


def persister_around(inner: Persister, today: Callable[[], date]) -> Persister:
    """Wrap what vcrpy was going to keep cassettes with, unless it's wrapped already."""
    if isinstance(inner, _Files | _Guarded):
        return inner
    if _is_of_files(inner if isinstance(inner, type) else type(inner)):
        return _Files(tuple(getattr(inner, "extra_paths", ())), today)
    return _Guarded(inner)


def _is_of_files(kind: type) -> bool:
    return kind is FilesystemPersister or kind.__module__.startswith(_RECORDING)


@dataclass(slots=True)
class _Files:
    """Cassettes as files; `extra_paths` are more of them to be read, but not to be written."""

    extra_paths: tuple[str, ...]
    today: Callable[[], date]
    _provenance: Provenance = field(default=Provenance(), init=False)

    def load_cassette(self, cassette_path: Any, serializer: Serializer) -> tuple[Any, ...]:
        """Read all cassettes that there are.

        Raises:
            CassetteNotFoundError: there is none.
            CassetteError: one can't be read, or must not be.
        """
        own = Path(cassette_path)
        paths = dict.fromkeys((own, *map(Path, self.extra_paths)))
        found = {path: read(path, serializer) for path in paths if is_there(path)}
        if not found:
            raise CassetteNotFoundError
        self._provenance = found[own].provenance if own in found else Provenance()
        loaded = from_cassette(Cassette(tuple(o for c in found.values() for o in c.interactions)))
        metadata = {key: value for each in found.values() for key, value in each.metadata.items()}
        return (*loaded, metadata) if metadata else loaded

    def save_cassette(
        self, cassette_path: Any, cassette_dict: dict[str, Any], serializer: Serializer
    ) -> None:
        """Write a cassette.

        Raises:
            OccystrapError: it can't be written, or there is something in it that must not be.
        """
        known = self._provenance
        provenance = replace(
            known,
            recorded=self.today().isoformat(),
            by=known.by or f"vcrpy {version('vcrpy')}",
            client=known.client or _client(cassette_dict["requests"]),
        )
        write(to_cassette(cassette_dict, provenance), Path(cassette_path), serializer)


def _client(requests: list[Request]) -> str:
    """Return what the first client calls itself that says so."""
    return next((str(name) for one in requests if (name := one.headers.get("User-Agent"))), "")


@dataclass(frozen=True, slots=True)
class _Guarded:
    """A persister of the user's own, which gets what may be kept."""

    inner: Persister

    def load_cassette(self, cassette_path: Any, serializer: Serializer) -> tuple[Any, ...]:
        """Return what the inner one has.

        Raises:
            SecretFound: there is what looks like a secret in it.
        """
        requests, answers, *metadata = self.inner.load_cassette(cassette_path, serializer)
        cassette = to_cassette({"requests": requests, "responses": answers}, Provenance())
        return (*plain(admitted(cassette, Path(cassette_path))), *metadata)

    def save_cassette(
        self, cassette_path: Any, cassette_dict: dict[str, Any], serializer: Serializer
    ) -> None:
        """Have the inner one keep it.

        Raises:
            SecretFound: there is what looks like a secret where none can be replaced.
        """
        cassette = scrubbed(to_cassette(cassette_dict, Provenance()), Path(cassette_path))
        requests, answers = plain(cassette)
        allowed: dict[str, Any] = {"requests": requests, "responses": answers}
        if cassette.metadata:
            allowed["metadata"] = cassette.metadata
        self.inner.save_cassette(cassette_path, allowed, serializer)
