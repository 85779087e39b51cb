"""Debian's `docker-registry`, the reference implementation, run for one test.

It takes a free port itself (it is told port 0, and its log names the one it got), so any number of
them run side by side.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.support.certificates import Certificate

__all__ = [
    "CREDENTIALS",
    "DebianRegistry",
    "ServerTLS",
    "StartDebianRegistry",
    "TokenAuth",
    "running_debian_registry",
]

CREDENTIALS = ("alice", "open sesame")
# bcrypt of the password at the lowest cost, since the registry computes it for every request.
_HTPASSWD = "alice:$2b$04$iHeHaS1TX56p6AnwUNZj3O015vwifC1I94.8VfrF5Pj0/XQWWfZze\n"
_LISTENING = re.compile(r'listening on (127\.0\.0\.1):(\d+)(?:, tls)?"')
_START_SECONDS = 20.0
_POLL_SECONDS = 0.005
_STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ServerTLS:
    """What a registry shows its clients, and the authority of those that it lets in (None: all)."""

    certificate: Certificate
    clients: Path | None = None


@dataclass(frozen=True, slots=True)
class DebianRegistry:
    """A running registry: where it is, what it stores, and whom it lets in (None: everyone)."""

    host: str
    storage: Path
    log: Path
    credentials: tuple[str, str] | None
    secure: bool = False

    @property
    def url(self) -> str:
        """Base URL, without a slash at the end."""
        return f"http{'s' if self.secure else ''}://{self.host}"

    def uri(self, name: str) -> str:
        """Name an image of it as occystrap does."""
        return f"registry://{self.host}/{name}"


class StartDebianRegistry(Protocol):
    """Start a registry of the test's own; it is stopped when the test ends."""

    def __call__(
        self, *, htpasswd: bool = False, tls: ServerTLS | None = None, in_memory: bool = False
    ) -> DebianRegistry:
        """Return it once it answers."""
        ...


@dataclass(frozen=True, slots=True)
class TokenAuth:
    """Who gives out tokens: where, for what, under which name, and by which certificate (PEM)."""

    realm: str
    service: str
    issuer: str
    bundle: Path


@contextlib.contextmanager
def running_debian_registry(
    program: str,
    directory: Path,
    *,
    htpasswd: bool = False,
    tls: ServerTLS | None = None,
    token: TokenAuth | None = None,
    port: int = 0,
    in_memory: bool = False,
) -> Iterator[DebianRegistry]:
    """Serve what a directory holds until the block ends, at a port that is free (0) or at this one.

    With `htpasswd` only `CREDENTIALS` pass, with `token` only who brings one.

    One that is `in_memory` writes nothing there: no request waits for the disk.

    Raises:
        RuntimeError: it ended, or didn't answer in time; the message has its log.
    """
    storage, log = directory / "storage", directory / "log"
    storage.mkdir(parents=True, exist_ok=True)
    settings = _configuration(directory, port, htpasswd=htpasswd, tls=tls)
    if token is not None:
        settings["auth"] = {"token": _token_settings(token)}
    config = directory / "config.yml"
    if in_memory:
        settings["storage"] = {"inmemory": {}, "delete": {"enabled": True}}
    config.write_text(json.dumps(settings))
    with log.open("wb") as output:
        # An empty environment: it takes REGISTRY_* variables for settings.
        process = subprocess.Popen([program, "serve", str(config)], stderr=output, env={})
    try:
        host = _wait_until_answering(process, log)
        credentials = CREDENTIALS if htpasswd else None
        yield DebianRegistry(host, storage, log, credentials, secure=tls is not None)
    finally:
        _stop(process)


def _configuration(
    directory: Path, port: int, *, htpasswd: bool, tls: ServerTLS | None
) -> dict[str, object]:
    """Its configuration is YAML, of which JSON is a part."""
    http: dict[str, object] = {"addr": f"127.0.0.1:{port}", "secret": "shared by nobody"}
    if tls is not None:
        files = {"certificate": str(tls.certificate.file), "key": str(tls.certificate.key)}
        http["tls"] = files | ({} if tls.clients is None else {"clientcas": [str(tls.clients)]})
    config: dict[str, object] = {
        "version": "0.1",
        "log": {"level": "info", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(directory / "storage")},
            "delete": {"enabled": True},
        },
        "http": http,
    }
    if htpasswd:
        passwords = directory / "htpasswd"
        passwords.write_text(_HTPASSWD)
        config["auth"] = {"htpasswd": {"realm": "debian", "path": str(passwords)}}
    return config


def _token_settings(token: TokenAuth) -> dict[str, str]:
    return {
        "realm": token.realm,
        "service": token.service,
        "issuer": token.issuer,
        "rootcertbundle": str(token.bundle),
    }


def _wait_until_answering(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while (listening := _LISTENING.search(log.read_text())) is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(_POLL_SECONDS)
            message = f"docker-registry ended with code {code}:\n{log.read_text()}"
            raise RuntimeError(message)
        if time.monotonic() > deadline:
            message = f"docker-registry isn't up after {_START_SECONDS} s:\n{log.read_text()}"
            raise RuntimeError(message)
    host, port = listening.groups()
    connection = http.client.HTTPConnection(host, int(port), timeout=_START_SECONDS)
    with contextlib.closing(connection):
        connection.request("GET", "/v2/")
        connection.getresponse().read()
    return f"{host}:{port}"


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
