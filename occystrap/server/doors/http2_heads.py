"""The heads of HTTP/2 messages, and how handlers see them: as those of HTTP/1.1.

Spec: https://www.rfc-editor.org/rfc/rfc9113#name-http-message-framing
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from occystrap.server.message import Headers, Request, split_target

__all__ = ["RawFields", "request_of", "response_fields"]

RawFields = Iterable[tuple[bytes, bytes]]

#: Fields that say something of a connection, which has other means here (section 8.2.2).
_OF_CONNECTIONS: Final = (
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "Transfer-Encoding",
    "Upgrade",
)


def request_of(fields: RawFields, body: Iterable[bytes], *, scheme: str, client: str) -> Request:
    """Read the head of a request; the handler finds a Host there, whatever the client calls it."""
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]
    pseudo = {name: value for name, value in pairs if name.startswith(":")}
    headers = Headers(pair for pair in pairs if not pair[0].startswith(":"))
    target = pseudo.get(":path", "/")
    path, query = split_target(target)
    host = pseudo.get(":authority") or headers.get("Host") or ""
    if host and "Host" not in headers:
        headers = Headers((("Host", host), *headers))
    return Request(
        pseudo[":method"],
        path,
        query,
        headers,
        body,
        scheme=scheme,
        host=host,
        client=client,
        door="http/2",
        raw_target=target,
    )


def response_fields(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Write the fields of an answer.

    Raises:
        ValueError: a value can't be sent.
    """
    fields = []
    for name, value in headers.remove(*_OF_CONNECTIONS):
        if any(character in value for character in "\r\n\0"):
            raise ValueError(f"a line break in the value of {name}")
        fields.append((name.lower().encode("latin-1"), value.encode("latin-1")))
    return fields
