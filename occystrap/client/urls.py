"""Where a URL points, and where an answer may send a client next.

Rule: an origin is scheme, host and port. No answer sends a client from TLS to plain HTTP.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from occystrap.errors import InvalidReference
from occystrap.oci.redaction import redact_url

__all__ = ["add_query", "base_url", "host_of", "next_url", "origin_of"]

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def base_url(api_host: str, *, secure: bool) -> str:
    """Return the origin of a registry."""
    return f"{'https' if secure else 'http'}://{api_host}"


def origin_of(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a URL.

    Raises:
        InvalidReference: it isn't an http or https URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        if parts.hostname and parts.hostname.isascii():
            parts.hostname.encode("idna")  # what connecting does, where it fails without a name
    except ValueError as error:
        raise InvalidReference(f"not a URL: {redact_url(url)!r}") from error
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise InvalidReference(f"not an http or https URL: {redact_url(url)!r}")
    return parts.scheme, parts.hostname, port or _DEFAULT_PORTS[parts.scheme]


def host_of(url: str) -> str:
    """Return `host:port`, which is what pauses and budgets are kept by."""
    _, host, port = origin_of(url)
    return f"{host}:{port}"


def next_url(current: str, location: str) -> str:
    """Resolve the Location of an answer to a request for `current`.

    A Location on the same host that names http is meant as https: registries behind a proxy that
    ends TLS often don't know that it does.

    Raises:
        InvalidReference: it points away from TLS, or to what isn't the web.
    """
    try:
        target = urljoin(current, location)
    except ValueError as error:
        raise InvalidReference(f"not a URL: {redact_url(location)!r}") from error
    scheme, host, _ = origin_of(target)
    here, this_host, _ = origin_of(current)
    if here == "https" and scheme == "http":
        if host != this_host:
            raise InvalidReference(f"refused to leave TLS for http://{host}")
        parts = urlsplit(target)
        netloc = urlsplit(current).netloc if parts.port is None else parts.netloc
        target = urlunsplit(("https", netloc, parts.path, parts.query, ""))
    return target


def add_query(url: str, **parameters: str) -> str:
    """Add parameters to a URL whose query, perhaps signed, stays as it is."""
    for name, value in parameters.items():
        url += f"{'&' if '?' in url else '?'}{quote(name)}={quote(value, safe='')}"
    return url
