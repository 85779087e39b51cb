"""Handing one question to a client.

Rule: one question in, one answer out, nothing added: redirects aren't followed, failures aren't
repeated, and no header leaves but those that were asked for. To another origin goes none of the
client's own.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Protocol, final

import httpx

from occystrap.client.ask import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from occystrap.client.ask import Ask, Body

__all__ = ["Sender", "sender_for"]


class Sender(Protocol):
    """A way to put a question on the wire."""

    def send(self, ask: Ask, *, foreign: bool) -> Answer:
        """Send a question; `foreign` when it goes to another origin than was first asked.

        Raises:
            httpx.TransportError: there was no answer.
        """
        ...


def sender_for(client: Any) -> Sender:
    """Choose how to drive a client: an `httpx.Client`, or any object with `request` and `get`.

    The type decides, not `isinstance`: a mock with a spec passes for an instance.
    """
    if issubclass(type(client), httpx.Client):
        return _HttpxSender(client)
    return _PlainSender(client)


@final
class _HttpxSender:
    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def send(self, ask: Ask, *, foreign: bool) -> Answer:
        headers = dict(ask.headers)
        content: bytes | _Opening = b""
        if isinstance(ask.content, bytes):
            content = ask.content
        else:
            content = _Opening(ask.content)
            headers["Content-Length"] = str(ask.content.size)
        if foreign:
            timeout = {"timeout": self._client.timeout.as_dict()}
            request = httpx.Request(
                ask.method, ask.url, headers=headers, content=content, extensions=timeout
            )
        else:
            request = self._client.build_request(
                ask.method, ask.url, headers=headers, content=content
            )
        if ask.basic is not None:
            request.headers["Authorization"] = _basic(ask.basic)
        own_auth = foreign or "Authorization" in request.headers
        response = self._client.send(
            request,
            stream=True,
            follow_redirects=False,
            auth=None if own_auth else httpx.USE_CLIENT_DEFAULT,
        )
        return Answer(response, ask.url)


def _basic(pair: tuple[str, str]) -> str:
    return "Basic " + base64.b64encode(":".join(pair).encode()).decode("ascii")


@final
class _PlainSender:
    def __init__(self, client: Any) -> None:
        self._client = client

    def send(self, ask: Ask, *, foreign: bool) -> Answer:  # noqa: ARG002 - doubles have no own headers
        if ask.for_token and ask.method == "GET":
            return Answer(self._client.get(ask.url, auth=ask.basic), ask.url)
        content = ask.content if isinstance(ask.content, bytes) else _Opening(ask.content)
        response = self._client.request(
            ask.method, ask.url, headers=dict(ask.headers), content=content
        )
        return Answer(response, ask.url)


@final
class _Opening:
    """A body that is opened when it is iterated, and closed whatever happens."""

    def __init__(self, body: Body) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        chunks = self._body.open()
        try:
            yield from chunks
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
