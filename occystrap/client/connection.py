"""One connection of HTTP/1.1: a request goes out, an answer comes in.

Rule: h11 decides what is HTTP, driven as httpcore drives it; only the bytes of a body whose length
is known go past it, straight from the socket. What goes wrong is what httpx would raise.
Spec: https://www.rfc-editor.org/rfc/rfc9112
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

import h11
import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

    from occystrap.client.wire import Wire

__all__ = ["Connection"]

#: Of a body. Measured: half of it takes a tenth more, twice of it saves nothing.
_RECEIVE: Final = 128 * 1024
# Both as in httpcore: how much is received at once decides whether a long head is too long.
_RECEIVE_FOR_H11: Final = 64 * 1024
_LONGEST_HEAD: Final = 100 * 1024
_SWITCHING_PROTOCOLS: Final = 101
_NO_ANSWER: Final = "Server disconnected without sending a response."
_NO_CONTENT: Final = (204, 304)


@final
class Connection:
    """A wire, and where its one exchange is."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._read_timeout: float | None = None
        self._begin()

    def _begin(self) -> None:
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)
        self._length: int | None = None
        self._whole = False

    def ask(self, request: httpx.Request) -> h11.Response | h11.InformationalResponse:
        """Send a request and read the head of its answer, the last before `body`.

        A server that takes no more of a request may have said why: its answer counts.

        Raises:
            httpx.TransportError: there was no answer, or the request isn't valid.
            h11.LocalProtocolError: its body isn't as long as it says, which httpcore doesn't
                translate either.
        """
        self._begin()
        timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
        self._read_timeout = timeouts.get("read")
        self._send(request, timeouts.get("write"))
        head = self._head()
        self._length = _length_of(request.method, head)
        return head

    def body(self) -> Iterator[bytes]:
        """Yield the body as it arrives.

        Raises:
            httpx.TransportError: it broke off.
        """
        if self._length is not None:
            yield from self._counted(self._length)
            return
        while isinstance(event := self._next_event(), h11.Data):
            yield bytes(event.data)
        self._whole = self._h11.trailing_data == (b"", False)

    @property
    def reusable(self) -> bool:
        """Whether the exchange is over, and both sides would have another."""
        return self._whole and self._h11.our_state is h11.DONE

    def _send(self, request: httpx.Request, timeout: float | None) -> None:
        target = request.extensions.get("target", request.url.raw_path)
        try:
            asked = h11.Request(method=request.method, target=target, headers=request.headers.raw)
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error)) from error
        self.wire.wait_at_most(timeout)
        if not self._send_event(asked):
            return
        assert isinstance(request.stream, httpx.SyncByteStream)  # noqa: S101 - narrows the type
        for piece in request.stream:
            if not self._send_event(h11.Data(data=piece)):
                return
        self._send_event(h11.EndOfMessage())

    def _send_event(self, event: h11.Event) -> bool:
        return self.wire.send(self._h11.send(event) or b"")

    def _head(self) -> h11.Response | h11.InformationalResponse:
        self.wire.wait_at_most(self._read_timeout)
        while True:
            event = self._next_event()
            if isinstance(event, h11.Response):
                return event
            if (
                isinstance(event, h11.InformationalResponse)
                and event.status_code == _SWITCHING_PROTOCOLS
            ):
                return event

    def _next_event(self) -> object:
        try:
            while (event := self._h11.next_event()) is h11.NEED_DATA:
                data = self.wire.receive(_RECEIVE_FOR_H11)
                if not data and self._h11.their_state is h11.SEND_RESPONSE:
                    raise httpx.RemoteProtocolError(_NO_ANSWER)
                self._h11.receive_data(data)
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error
        return event

    def _counted(self, length: int) -> Iterator[bytes]:
        """Yield a body of so many bytes, the first of which came with the head.

        Handing them through h11 as well copies each three times, at 1 GB/s in place of 4.
        """
        begun, _ = self._h11.trailing_data
        left = length - len(begun)
        if begun:
            yield begun[:length]
        while left > 0:
            data = self.wire.gather(min(left, _RECEIVE))
            if not data:
                raise httpx.RemoteProtocolError(
                    "peer closed connection without sending complete message body"
                    f" (received {length - left} bytes, expected {length})"
                )
            left -= len(data)
            yield data
        self._whole = left == 0


def _length_of(method: str, head: h11.Response | h11.InformationalResponse) -> int | None:
    """Tell how long a body is that is nothing but its bytes.

    h11 has seen to it that there is one length, of digits.
    """
    if method in ("HEAD", "CONNECT") or head.status_code in _NO_CONTENT:
        return None
    if isinstance(head, h11.InformationalResponse):
        return None
    fields = dict(head.headers)
    if b"transfer-encoding" in fields or b"content-length" not in fields:
        return None
    return int(fields[b"content-length"])
