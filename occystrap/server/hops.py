"""What changes in a message that is passed on to the next on its way.

Rule: what two neighbours say to each other about their connection ends there; all else goes on, in
its order.
Spec: https://www.rfc-editor.org/rfc/rfc9110#name-message-forwarding
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Final

from occystrap.server.message import Headers, Request

__all__ = ["end_to_end", "framed_anew", "with_host"]

_HOP_BY_HOP: Final = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
#: Methods whose requests have a length even where there is no body (RFC 9110 section 8.6).
_HAVE_LENGTH: Final = frozenset({"PATCH", "POST", "PUT"})


def end_to_end(headers: Headers) -> Headers:
    """Leave away what only neighbours say to each other (RFC 9110 section 7.6.1)."""
    named = {
        option.strip().lower()
        for value in headers.get_all("Connection")
        for option in value.split(",")
    }
    if "Transfer-Encoding" in headers:
        named.add("content-length")  # it wouldn't count (RFC 9112 section 6.3)
    dropped = _HOP_BY_HOP | named
    return Headers(
        (name, value)
        for name, value in headers
        if name.lower() not in dropped and not name.lower().startswith("proxy-")
    )


def with_host(headers: Headers, authority: str) -> Headers:
    """Put the upstream's Host where the client's was, which is first if there was none."""
    if "Host" not in headers:
        return Headers((("Host", authority), *headers))
    return Headers((n, authority if n.lower() == "host" else v) for n, v in headers)


def framed_anew(request: Request, headers: Headers) -> tuple[Headers, Iterable[bytes]]:
    """Say how long the body is, or that nobody knows; HTTP/2 needn't say whether there is one."""
    if "Content-Length" in headers:
        return headers, request.body
    pieces = iter(request.body)
    if "Transfer-Encoding" not in request.headers:
        first = next(filter(None, pieces), None)
        if first is None:
            needed = request.method in _HAVE_LENGTH
            return (headers.add("Content-Length", "0") if needed else headers), ()
        pieces = chain((first,), pieces)
    return headers.add("Transfer-Encoding", "chunked"), pieces
