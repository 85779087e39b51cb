"""The file that `docker login`, `podman login` and `skopeo login` write.

Rule: an entry is looked at only when its registry is asked for, so a broken one harms no other; an
error names the file and the place, never the content.
Spec: https://docs.docker.com/reference/cli/docker/login/#credential-stores and
https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from occystrap.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["DockerConfigFile"]

#: The names that Docker Hub's credentials are kept under, the most usual first.
_DOCKER_HUB: Final = ("index.docker.io", "docker.io", "registry-1.docker.io")
#: What helpers know it by.
_DOCKER_HUB_SERVER: Final = "https://index.docker.io/v1/"
_CONTENT: Final = ("auth", "identitytoken", "username", "password")


@dataclass(frozen=True, slots=True)
class DockerConfigFile:
    """One such file; its keys as `HOST[:PORT]` or `HOST[:PORT]/NAMESPACE`."""

    path: Path
    entries: Mapping[str, Mapping[str, Any]] = field(repr=False)
    helpers: Mapping[str, tuple[str, str]]
    store: str

    @classmethod
    def read(cls, path: Path) -> DockerConfigFile:
        """Read a file; one that isn't there, or is empty, holds nothing.

        Raises:
            CredentialsError: it can't be read, or isn't a file of this kind.
        """
        document = _load(path)
        auths = _field(path, document, "auths")
        # A key that is a bare host is closer to the name of a registry than one that is a URL.
        entries = {
            _normal(key): entry
            for key, entry in sorted(auths.items(), key=lambda item: "://" not in item[0])
            if isinstance(entry, dict) and any(entry.get(name) for name in _CONTENT)
        }
        helpers = {
            _normal(key): (key, name)
            for key, name in _field(path, document, "credHelpers").items()
            if isinstance(name, str)
        }
        store: object = document.get("credsStore") or ""
        if not isinstance(store, str):
            raise CredentialsError(f"'credsStore' of {path} is not the name of a helper")
        return cls(path, entries, helpers, store)

    def helper_for(self, host: str) -> tuple[str, tuple[str, ...]]:
        """Return the credential helper for a registry, '' for none, and the names to ask it for."""
        names = _names(host)
        for name in names:
            if name in self.helpers:
                written, helper = self.helpers[name]
                return helper, (written,)
        if names == _DOCKER_HUB:
            names = (_DOCKER_HUB_SERVER, *names)
        return self.store, names

    def login_for(self, host: str, repository: str) -> tuple[str, str, str] | None:
        """Return user name, password and identity token that the file itself holds.

        An entry for the repository, or a namespace around it, is preferred to that of its host.

        Raises:
            CredentialsError: the entry can't be read.
        """
        for key in _keys(host, repository):
            if key in self.entries:
                return self._login(key, self.entries[key])
        return None

    def _login(self, key: str, entry: Mapping[str, Any]) -> tuple[str, str, str]:
        values = [entry.get(name) or "" for name in _CONTENT]
        try:
            auth, token, username, password = (str.strip(value, "\0") for value in values)
            if auth:
                username, password = _decode(auth)
        except (TypeError, ValueError):
            raise CredentialsError(
                f"the credentials for {key} in {self.path} can't be read: 'auth' is the base64 of"
                " user:password, all else is text; log in again"
            ) from None
        return username, password, token


def _load(path: Path) -> dict[str, Any]:
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise CredentialsError(f"can't read credentials from {path}: {error.strerror}") from error
    try:
        document: object = json.loads(raw) if raw.strip() else {}
    except (ValueError, RecursionError):
        # The exception holds the whole content, so it isn't chained.
        raise CredentialsError(f"can't read credentials from {path}: it is not JSON") from None
    if not isinstance(document, dict):
        raise CredentialsError(f"can't read credentials from {path}: it is not a JSON object")
    return cast("dict[str, Any]", document)


def _field(path: Path, document: Mapping[str, Any], name: str) -> dict[str, Any]:
    value: object = document.get(name) or {}
    if not isinstance(value, dict):
        raise CredentialsError(f"can't read credentials from {path}: {name!r} is no JSON object")
    return cast("dict[str, Any]", value)


def _decode(auth: str) -> tuple[str, str]:
    """Read `auth`, which some tools write without padding, or broken into lines."""
    text = "".join(auth.split()).rstrip("=")
    plain = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    username, colon, password = plain.partition(":")
    if not colon:
        raise ValueError
    return username, password.strip("\0")


def _normal(key: str) -> str:
    """Write a key as `HOST[:PORT]`, or with a namespace; a URL stands for its host."""
    _, is_url, name = key.rpartition("://")
    host, _, namespace = name.partition("/")
    namespace = namespace.strip("/")
    if is_url or namespace in ("", "v1", "v2"):
        return host.lower()
    return f"{host.lower()}/{namespace}"


def _names(host: str) -> tuple[str, ...]:
    host = host.lower()
    return _DOCKER_HUB if host in _DOCKER_HUB else (host,)


def _keys(host: str, repository: str) -> Iterator[str]:
    """Yield the keys that speak for a repository, the most specific first."""
    parts = repository.split("/") if repository else []
    for length in range(len(parts), -1, -1):
        for name in _names(host):
            yield "/".join((name, *parts[:length]))
