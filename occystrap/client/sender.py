"""Handing one question to a client.

Rule: one question in, one answer out, nothing added: redirects aren't followed, failures aren't
repeated, and no header leaves but those that were asked for. To another origin goes none of the
client's own.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Protocol, final

import httpx

from occystrap.client.ask import BODY_LIMIT, Answer
from occystrap.client.build import get_user_agent
from occystrap.client.transports import LARGE

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

    A client whose `request` isn't that of httpx is a double, also if it passes for an instance.
    """
    if getattr(client.request, "__func__", None) is httpx.Client.request:
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
        if ask.basic is not None:
            headers["Authorization"] = _basic(ask.basic)
        build = self._foreign if foreign else self._client.build_request
        request = build(ask.method, ask.url, headers=headers, content=content)
        own_auth = foreign or "Authorization" in request.headers
        response = self._client.send(
            request,
            stream=True,
            follow_redirects=False,
            auth=None if own_auth else httpx.USE_CLIENT_DEFAULT,
        )
        return Answer(response, ask.url)

    def _foreign(
        self, method: str, url: str, *, headers: dict[str, str], content: bytes | _Opening
    ) -> httpx.Request:
        """Make a request with none of the client's headers and cookies, but its name."""
        name = {"User-Agent": self._client.headers.get("User-Agent", get_user_agent())}
        extensions = {"timeout": self._client.timeout.as_dict(), LARGE: True}
        return httpx.Request(
            method, url, headers=name | headers, content=content, extensions=extensions
        )


def _basic(pair: tuple[str, str]) -> str:
    return "Basic " + base64.b64encode(":".join(pair).encode()).decode("ascii")


@final
class _PlainSender:
    """Drives a double; a small body goes as bytes, for whoever looks at the call later."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def send(self, ask: Ask, *, foreign: bool) -> Answer:  # noqa: ARG002 - doubles have no own headers
        if ask.for_token and ask.method == "GET":
            return Answer(self._client.get(ask.url, auth=ask.basic), ask.url)
        content = ask.content if isinstance(ask.content, bytes) else _Opening(ask.content)
        if isinstance(content, _Opening) and content.size <= BODY_LIMIT:
            content = b"".join(content)
        response = self._client.request(
            ask.method, ask.url, headers=dict(ask.headers), content=content
        )
        return Answer(response, ask.url)


@final
class _Opening:
    """A body that is opened when it is iterated."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self.size = body.size

    def __iter__(self) -> Iterator[bytes]:
        return self._body.open()
