"""How one side of a pipeline reaches its registry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from occystrap.client.build import TLS
from occystrap.client.credentials import credentials_for
from occystrap.oci.platform import Platform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from occystrap.client.credentials import Credentials
    from occystrap.options import Options
    from occystrap.uri import URISpec

__all__ = ["ALL_PLATFORMS", "Side", "chosen_platform", "text_option"]

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
