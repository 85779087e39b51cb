"""What may be shown of URLs and headers.

Rule: by allow-list. What isn't known to be harmless is masked; a name that nobody thought of is
then hidden, not leaked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "HARMLESS_HEADERS",
    "HARMLESS_PARAMETERS",
    "MASK",
    "redact_header",
    "redact_headers",
    "redact_url",
]

MASK: Final = "***"

HARMLESS_PARAMETERS: Final = frozenset(
    {
        "artifacttype",
        "digest",
        "from",
        "last",
        "last_modified",
        "limit",
        "mount",
        "n",
        "namespace",
        "onlyactivetags",
        "page",
        "public",
        "scope",
        "service",
        "specifictag",
        "tag",
    }
)
HARMLESS_HEADERS: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-ranges",
        "age",
        "allow",
        "api-version",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "date",
        "docker-content-digest",
        "docker-distribution-api-version",
        "docker-upload-uuid",
        "etag",
        "expect",
        "expires",
        "host",
        "if-match",
        "if-none-match",
        "last-modified",
        "oci-chunk-min-length",
        "oci-filters-applied",
        "oci-subject",
        "range",
        "ratelimit-limit",
        "ratelimit-remaining",
        "ratelimit-reset",
        "retry-after",
        "server",
        "strict-transport-security",
        "transfer-encoding",
        "user-agent",
        "vary",
        "via",
        "warning",
        "www-authenticate",
    }
)
_URL_HEADERS: Final = frozenset({"content-location", "location", "referer"})
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?")
#: An `@` that belongs neither to a host nor to a digest. A password that should have been escaped
#: ends where its first slash, question mark or hash is, and leaves its `@` behind.
_STRAY_AT: Final = re.compile(r"@(?!sha256:|sha512:)")


def redact_url(url: str) -> str:
    """Return the URL without user, password and fragment, and without unknown parameters.

    What can't be understood is masked whole.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return MASK
    host = parts.netloc.rpartition("@")[2]
    understood = _HOST.fullmatch(host) if host else not parts.netloc and not parts.scheme
    after_host = f"{parts.path}?{parts.query}#{parts.fragment}"
    if not understood or _STRAY_AT.search(after_host):
        return MASK
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~", errors="replace")
    return urlunsplit((parts.scheme, host, path, _redact_query(parts.query), ""))


def _redact_query(query: str) -> str:
    """Keep the harmless parameters; not even the names of others, for a name can be the secret."""
    pairs = parse_qsl(query, keep_blank_values=True)
    shown = [
        f"{name}={quote(value, safe=':/,', errors='replace')}"
        for name, value in pairs
        if name.lower() in HARMLESS_PARAMETERS
    ]
    return "&".join(shown if len(shown) == len(pairs) else [*shown, MASK])


def redact_header(name: str, value: str) -> str:
    """Return the value of a header, or a mask."""
    lowered = name.lower()
    if lowered in _URL_HEADERS:
        return redact_url(value)
    return value if lowered in HARMLESS_HEADERS else MASK


def redact_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return headers fit to be shown; of a name that is there twice, the last."""
    return {name: redact_header(name, value) for name, value in headers}
