"""The Docker Engine API, as much of it as tests of registries need.

Spec: https://docs.docker.com/engine/api/v1.41/
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

__all__ = ["Engine", "EngineError"]

_PATIENCE_SECONDS = 60.0
_NOT_FOUND = 404


class EngineError(Exception):
    """A daemon has said that something went wrong."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A daemon behind a unix socket; dockerd and podman answer alike."""

    client: httpx.Client
    socket: Path

    @classmethod
    def at(cls, socket: Path) -> Engine:
        """Speak to the daemon of a socket."""
        transport = httpx.HTTPTransport(uds=str(socket))
        return cls(
            httpx.Client(
                transport=transport, base_url="http://localhost", timeout=_PATIENCE_SECONDS
            ),
            socket,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.client.close()

    def load(self, archive: bytes) -> None:
        """Take the images of an archive."""
        _lines(self._ask("POST", "/images/load", content=archive))

    def tag(self, name: str, repository: str, tag: str) -> None:
        """Give an image another name."""
        self._ask("POST", f"/images/{name}/tag", params={"repo": repository, "tag": tag})

    def push(self, repository: str, tag: str, login: tuple[str, str] | None = None) -> str:
        """Push an image to the registry that its name says; return the digest of its manifest."""
        answer = self._ask(
            "POST", f"/images/{repository}/push", params={"tag": tag}, headers=_auth(login)
        )
        said = [str(line.get("status", "")) for line in _lines(answer)]
        (digest,) = [line.split()[2] for line in said if line.startswith(f"{tag}: digest: ")]
        return digest

    def pull(self, repository: str, tag: str, login: tuple[str, str] | None = None) -> None:
        """Pull an image from the registry that its name says."""
        params = {"fromImage": repository, "tag": tag}
        _lines(self._ask("POST", "/images/create", params=params, headers=_auth(login)))

    def remove(self, name: str) -> None:
        """Remove an image with all of its names."""
        self._ask("DELETE", f"/images/{name}", params={"force": "true"})

    def export(self, name: str) -> bytes:
        """Make a container of an image, and return the tar of its files; it never runs."""
        asked = {"Image": name, "Cmd": ["nothing"], "NetworkDisabled": True}
        made = self._ask("POST", "/containers/create", json=asked).json()["Id"]
        try:
            return self._ask("GET", f"/containers/{made}/export").content
        finally:
            self._ask("DELETE", f"/containers/{made}")

    def identifier(self, name: str) -> str | None:
        """Look up the digest of an image's config, in hex; None where there is no such image."""
        try:
            found: str = self._ask("GET", f"/images/{name}/json").json()["Id"]
        except LookupError:
            return None
        return found.removeprefix("sha256:")

    def names(self) -> set[str]:
        """List the names of all images."""
        images = self._ask("GET", "/images/json").json()
        return {name for image in images for name in image["RepoTags"] or []}

    def save(self, name: str) -> bytes:
        """Get the archive of an image."""
        return self._ask("GET", f"/images/{name}/get").content

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        answer = self.client.request(method, path, **options)
        if answer.status_code == _NOT_FOUND:
            raise LookupError(answer.text)
        if answer.is_error:
            raise EngineError(f"{answer.status_code} {answer.text}")
        return answer


def _auth(login: tuple[str, str] | None) -> dict[str, str]:
    """Make the header that old daemons want even where there is nothing to say."""
    said = {} if login is None else dict(zip(("username", "password"), login, strict=True))
    encoded = base64.urlsafe_b64encode(json.dumps(said).encode()).decode()
    return {"X-Registry-Auth": encoded}


def _lines(answer: httpx.Response) -> Iterable[dict[str, Any]]:
    """Read what a daemon tells of its work, which may end in an error after a status of 200."""
    lines = [json.loads(line) for line in answer.text.splitlines()]
    for line in lines:
        if "error" in line:
            raise EngineError(line["error"])
    return lines
