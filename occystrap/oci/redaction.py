"""What may be shown of URLs and headers.

Rule: by allow-list. What isn't known to be harmless is masked; a name that nobody thought of is
then hidden, not leaked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MASK", "redact_header", "redact_headers", "redact_url"]

MASK: Final = "***"

_HARMLESS_PARAMETERS: Final = frozenset(
    "artifacttype digest from last last_modified limit mount n namespace onlyactivetags page public"
    " scope service specifictag tag".split()
)
_HARMLESS_HEADERS: Final = frozenset(
    "accept accept-encoding accept-ranges age allow api-version cache-control connection"
    " content-encoding content-length content-range content-type date"
    " docker-content-digest docker-distribution-api-version docker-upload-uuid etag expect expires"
    " host if-match if-none-match last-modified oci-chunk-min-length oci-filters-applied"
    " oci-subject range ratelimit-limit ratelimit-remaining ratelimit-reset retry-after server"
    " strict-transport-security transfer-encoding user-agent vary via warning www-authenticate".split()
)
_URL_HEADERS: Final = frozenset({"location", "content-location", "referer"})


def redact_url(url: str) -> str:
    """Return the URL without user and password, and with every unknown parameter masked."""
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return MASK
    query = "&".join(f"{quote(name)}={_parameter(name, value)}" for name, value in pairs)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, query, ""))


def _parameter(name: str, value: str) -> str:
    return quote(value, safe=":/,") if name.lower() in _HARMLESS_PARAMETERS else MASK


def redact_header(name: str, value: str) -> str:
    """Return the value of a header, or a mask."""
    lowered = name.lower()
    if lowered in _URL_HEADERS:
        return redact_url(value)
    return value if lowered in _HARMLESS_HEADERS else MASK


def redact_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return headers fit to be shown; of a name that is there twice, the last."""
    return {name: redact_header(name, value) for name, value in headers}
