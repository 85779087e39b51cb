"""How the sides of a pipeline reach their registries."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

from occystrap.client.build import TLS, create_client
from occystrap.client.credentials import credentials_for
from occystrap.client.proxies import proxies_from
from occystrap.client.session import Session
from occystrap.oci.platform import Platform

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from occystrap.client.credentials import Credentials
    from occystrap.client.traffic import Traffic
    from occystrap.options import Options
    from occystrap.uri import URISpec

__all__ = ["ALL_PLATFORMS", "Sessions", "Side", "chosen_platform", "text_option"]

ALL_PLATFORMS: Final = "all"


@dataclass(frozen=True, slots=True)
class Side:
    """How one side of a pipeline reaches its registry; its URI decides before the options."""

    secure: bool
    tls: TLS
    credentials: Credentials
    max_workers: int

    @classmethod
    def of(cls, spec: URISpec, options: Options, stored: Credentials) -> Side:
        """Read the side off its URI."""
        chosen: Mapping[str, Any] = spec.options
        username = text_option(spec, "username", options.username)
        password = text_option(spec, "password", options.password)
        return cls(
            secure=not chosen.get("insecure", options.insecure),
            tls=TLS(
                _path(spec, "ca_file", options.ca_file),
                _path(spec, "cert", options.cert),
                _path(spec, "key", options.key),
                bool(chosen.get("skip_verify", options.skip_verify)),
            ),
            credentials=credentials_for(username, password, stored),
            max_workers=int(chosen.get("max_workers", options.max_workers)),
        )


@final
class Sessions:
    """The sessions of a run, one for each way to prove who is who.

    All of them are over `client`, if there is one, which stays open.
    """

    def __init__(self, client: Any, traffic: Traffic, environ: Mapping[str, str]) -> None:
        self._client = client
        self._traffic = traffic
        self._environ = environ
        self._sessions: dict[TLS, Session] = {}
        self._clients: list[httpx.Client] = []
        self._lock = threading.Lock()

    def of(self, tls: TLS) -> Session:
        """Return the session that all registries reached like this share."""
        with self._lock:
            if tls not in self._sessions:
                proxies = proxies_from(self._environ)
                self._sessions[tls] = Session(self._client, self._traffic, tls=tls, proxies=proxies)
            return self._sessions[tls]

    def client(self, tls: TLS) -> Any:
        """Return the client that was handed in, or make one for an API beside the registries."""
        if self._client is not None:
            return self._client
        made = create_client(http2=False, tls=tls, proxies=proxies_from(self._environ))
        self._clients.append(made)
        return made

    def close(self) -> None:
        """Close what was made here, and nothing that was handed in."""
        for session in self._sessions.values():
            session.close()
        for client in self._clients:
            client.close()
        self._sessions.clear()
        self._clients.clear()


def text_option(spec: URISpec, name: str, default: str | None) -> str | None:
    """Return an option of a URI as text, or else what was chosen for both sides."""
    value = spec.options.get(name)
    return default if value is None else str(value)


def chosen_platform(spec: URISpec, options: Options) -> Platform:
    """Return the platform to take; `ALL_PLATFORMS` leaves it to the options of the run.

    Raises:
        InvalidOption: it can't be one.
    """
    named = text_option(spec, "platform", ALL_PLATFORMS)
    if named is not None and named != ALL_PLATFORMS:
        return Platform.parse(named)
    return Platform(
        str(spec.options.get("os", options.os)),
        str(spec.options.get("architecture", spec.options.get("arch", options.architecture))),
        str(spec.options.get("variant", options.variant)),
    )


def _path(spec: URISpec, name: str, default: str | None) -> Path | None:
    value = text_option(spec, name, default)
    return None if value is None else Path(value)
