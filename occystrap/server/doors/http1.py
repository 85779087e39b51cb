"""A connection that speaks HTTP/1.1, or 1.0 with a client that knows no more.

Rule: h11 knows the protocol; here bytes are moved. A request's body is read when the handler wants
it, and what the handler leaves is read after the answer, within bounds, so that the answer isn't
lost and the connection can be used again.
Spec: https://www.rfc-editor.org/rfc/rfc9112
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Final

import h11

from occystrap.server.doors.answering import answer, body, garbage, plain
from occystrap.server.doors.channel import Channel
from occystrap.server.doors.endings import arm_reset, linger
from occystrap.server.message import (
    CloseConnection,
    Garble,
    Handler,
    Headers,
    Request,
    RequestAborted,
    ResetConnection,
    Response,
    Stall,
    StopReading,
    split_target,
)

__all__ = ["Http1Connection"]

_LOG: Final = logging.getLogger(__name__)

_LONGEST_HEAD: Final = 64 * 1024
#: Below this, a few pieces go out as one packet.
_SMALL: Final = 64 * 1024
#: How much of a body that the handler didn't want is read to keep the connection.
_DRAIN: Final = 16 * 1024 * 1024
_IDLE_SECONDS: Final = 120.0

#: Nothing more of a request can be on its way.
_FINISHED: Final = (h11.CLOSED, h11.MUST_CLOSE, h11.DONE)


class Http1Connection:
    """One connection, from its first byte to its end; the caller closes the socket.

    `sleep` raises CloseConnection when it is woken because the server stops.
    """

    def __init__(
        self,
        handler: Handler,
        channel: Channel,
        client: str,
        sleep: Callable[[float], None],
    ) -> None:
        self._handler = handler
        self._channel = channel
        self._client = client
        self._sleep = sleep
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=_LONGEST_HEAD)

    def serve(self) -> None:
        """Answer requests until either side has had enough."""
        try:
            self._converse()
            if self._h11.their_state in _FINISHED:
                self._channel.finish()
            else:
                linger(self._channel)
        except ResetConnection:
            arm_reset(self._channel.socket, self._sleep)
        except OSError as error:
            _LOG.debug("%s is gone: %s", self._client, error)

    def _converse(self) -> None:
        try:
            while self._exchange():
                self._h11.start_next_cycle()
        except CloseConnection:
            pass
        except ResetConnection as signal:
            if not signal.at_once:
                # A client that is still sending would find this out in one of several ways.
                self._rest_is_read()
            raise

    def _exchange(self) -> bool:
        """Answer one request; False when it was the last."""
        try:
            self._channel.settimeout(_IDLE_SECONDS)
            event = self._next_event()
            self._channel.settimeout(None)
        except h11.RemoteProtocolError as error:
            # A request that isn't HTTP is answered as a GET would be: with a body.
            self._send("GET", plain(error.error_status_hint, str(error)))
            return False
        if not isinstance(event, h11.Request):
            return False
        request = self._request(event)
        try:
            response = answer(self._handler, request)
        except StopReading as signal:
            self._sleep(signal.seconds)
            raise ResetConnection(at_once=True) from signal
        except Garble as signal:
            self._garble(signal)
            return False
        unwanted = self._h11.they_are_waiting_for_100_continue
        if unwanted:
            # The client may send the body nevertheless: what comes next can't be told apart.
            headers = response.headers.replace("Connection", "close")
            response = dataclasses.replace(response, headers=headers)
        with contextlib.closing(response):
            self._delay(response.delay)
            self._send(request.method, response)
        return not unwanted and self._rest_is_read()

    def _next_event(self) -> object:
        while (event := self._h11.next_event()) is h11.NEED_DATA:
            if self._h11.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
                self._channel.send(self._h11.send(go_on))
            self._h11.receive_data(self._channel.receive())
        return event

    def _request(self, event: h11.Request) -> Request:
        target = event.target.decode("latin-1")
        path, query = split_target(target)
        fields = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in event.headers.raw_items()]
        headers = Headers(fields)
        return Request(
            event.method.decode("ascii"),
            path,
            query,
            headers,
            self._body(),
            scheme=self._channel.scheme,
            host=headers.get("Host") or "",
            client=self._client,
            door="http/1.1",
            raw_target=target,
        )

    def _body(self) -> Iterator[bytes]:
        while True:
            try:
                event = self._next_event()
            except (h11.RemoteProtocolError, OSError) as error:
                raise RequestAborted(str(error)) from error
            if not isinstance(event, h11.Data):
                return
            yield bytes(event.data)

    def _delay(self, seconds: float) -> None:
        if seconds:
            # It is the answer that the client is to wait for, not that somebody reads its request.
            self._rest_is_read()
            self._sleep(seconds)

    def _garble(self, signal: Garble) -> None:
        self._channel.abrupt = signal.abrupt
        for piece in garbage(signal):
            if isinstance(piece, Stall):
                self._sleep(piece.seconds)
            else:
                self._channel.send(piece)

    def _send(self, method: str, response: Response) -> None:
        fields = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in response.headers]
        head = h11.Response(
            status_code=response.status, headers=fields, reason=_reason(response.status)
        )
        waiting = [self._h11.send(head)]
        try:
            for piece in body(method, response):
                if isinstance(piece, Stall):
                    self._write(waiting)
                    self._sleep(piece.seconds)
                else:
                    waiting += self._h11.send_with_data_passthrough(h11.Data(piece)) or ()
                    self._write(waiting)
            waiting.append(self._h11.send(h11.EndOfMessage()))
        finally:
            self._write(waiting)

    def _write(self, waiting: list[bytes]) -> None:
        pieces, waiting[:] = list(waiting), []
        if sum(map(len, pieces)) <= _SMALL:
            pieces = [b"".join(pieces)]
        for piece in pieces:
            self._channel.send(piece)

    def _rest_is_read(self) -> bool:
        """Read what the handler left of the request; False when that is too much."""
        if self._h11.they_are_waiting_for_100_continue:
            return False
        left = _DRAIN
        with contextlib.suppress(h11.RemoteProtocolError):
            while self._h11.their_state is h11.SEND_BODY and left > 0:
                event = self._next_event()
                left -= len(event.data) if isinstance(event, h11.Data) else 0
        return self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE


def _reason(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode("ascii")
    except ValueError:
        return b""
