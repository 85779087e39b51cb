"""An httpx transport that keeps what passes through another one.

Rule: it sits at the wire, below redirects, logins and retries, and sees what the registry sees. It
changes nothing: neither side can tell that it is there.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Final

import httpx
from h2.exceptions import H2Error

from occystrap.server.doors.framing import content_length, has_body
from occystrap.server.message import Headers
from pytest_occystrap.cassettes.form import Ending
from pytest_occystrap.cassettes.recorder import Recorder, Take

__all__ = ["RecordingTransport"]

#: What is left of an answer that the client has had enough of is read for the recording if it is no
#: more than this. Clients often close an error without reading what it says.
_REST: Final = 64 * 1024

_BROKE_OFF: Final = "the client broke off"
#: Of httpcore and h11, for connections that end where they shouldn't. The last two are HTTP/2's.
_ENDED: Final = ("Server disconnected", "peer closed connection", "<ConnectionTerminated")
_NO_HTTP: Final = "what came was no HTTP, or not the end of it"
_STREAM_RESET: Final = "<StreamReset"


class RecordingTransport(httpx.BaseTransport):
    """Pass requests on to `inner`, and keep them with what comes of them in a recorder.

    `inner` is closed with it, the recorder isn't.
    """

    def __init__(self, inner: httpx.BaseTransport, recorder: Recorder) -> None:
        self._inner = inner
        self._recorder = recorder

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on."""
        take = self._recorder.begin(request.method, _url(request), _fields(request.headers))
        try:
            answer = self._inner.handle_request(_tapped(request, take))
        except httpx.TransportError as error:
            _fail(take, error)
            raise
        except BaseException:
            take.leave_out(_BROKE_OFF)
            raise
        version: bytes = answer.extensions.get("http_version", b"HTTP/1.1")
        take.answer(
            answer.status_code,
            answer.reason_phrase,
            _fields(answer.headers),
            version.decode("ascii"),
        )
        assert isinstance(answer.stream, httpx.SyncByteStream)  # noqa: S101 - narrows the type
        length = content_length(_fields(answer.headers))
        if not has_body(request.method, answer.status_code):
            length = 0
        return httpx.Response(
            answer.status_code,
            headers=answer.headers,
            stream=_Arriving(answer.stream, take, length),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        """Close what is inside."""
        self._inner.close()


def _url(request: httpx.Request) -> str:
    """Write the URL as it is sent, which isn't always how httpx would write it."""
    target: bytes = request.extensions.get("target", request.url.raw_path)
    text = target.decode("latin-1")
    if not text.startswith("/"):
        return text if "://" in text else str(request.url)
    return f"{request.url.scheme}://{request.url.netloc.decode('ascii')}{text}"


def _fields(headers: httpx.Headers) -> Headers:
    return Headers((n.decode("latin-1"), v.decode("latin-1")) for n, v in headers.raw)


def _tapped(request: httpx.Request, take: Take) -> httpx.Request:
    """Make the same request, whose body is kept as it is sent; the client keeps its own."""
    assert isinstance(request.stream, httpx.SyncByteStream)  # noqa: S101 - narrows the type
    return httpx.Request(
        request.method,
        request.url,
        headers=request.headers,
        stream=_Sending(request.stream, take),
        extensions=request.extensions,
    )


class _Sending(httpx.SyncByteStream):
    """The body of a request on its way."""

    def __init__(self, stream: httpx.SyncByteStream, take: Take) -> None:
        self._stream = stream
        self._take = take

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            self._take.send(piece)
            yield piece
        self._take.sent = True

    def close(self) -> None:
        """Let go of it."""
        self._stream.close()


class _Arriving(httpx.SyncByteStream):
    """The body of an answer on its way; `length` is None if nobody knows it.

    The exchange has ended with the last byte, before the client gets it: whoever waits for the
    client finds it in the recording.
    """

    def __init__(self, stream: httpx.SyncByteStream, take: Take, length: int | None) -> None:
        self._stream = stream
        self._take = take
        self._left = length
        self._pieces: Iterator[bytes] | None = None
        if length == 0:
            take.end()

    def __iter__(self) -> Iterator[bytes]:
        self._pieces = iter(self._stream)
        yield from self._kept(self._pieces)

    def _kept(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        # No `yield from`: that would end the pieces with this, and the rest couldn't be read.
        try:
            for piece in pieces:
                self._receive(piece)
                yield piece
        except httpx.TransportError as error:
            _fail(self._take, error)
            raise
        except H2Error as error:  # which httpcore forgets to translate here
            self._take.end(Ending.CLOSED, _NO_HTTP)
            raise httpx.RemoteProtocolError(_NO_HTTP) from error
        self._take.end()

    def _receive(self, piece: bytes) -> None:
        self._take.receive(piece)
        if self._left is not None:
            self._left -= len(piece)
            if self._left <= 0:
                self._take.end()

    def close(self) -> None:
        """Let go of it; what hasn't been read to its end is left out, unless it is short."""
        try:
            if self._take.result is None:
                self._finish()
        finally:
            self._take.leave_out(_BROKE_OFF)
            self._stream.close()

    def _finish(self) -> None:
        rest, size = self._kept(self._pieces or iter(self._stream)), 0
        try:
            while size <= _REST:
                size += len(next(rest))
        except (StopIteration, httpx.TransportError):
            return  # either way it is known how it ended


def _fail(take: Take, error: httpx.TransportError) -> None:
    """Note how an exchange failed, or why that isn't the registry's doing."""
    match error:
        case httpx.PoolTimeout() | httpx.ProxyError() | httpx.UnsupportedProtocol():
            take.leave_out(f"it didn't reach the registry ({type(error).__name__})")
        case httpx.LocalProtocolError():
            take.leave_out("the request isn't valid HTTP")
        case httpx.TimeoutException():
            take.end(Ending.TIMEOUT, _phase(error))
        case httpx.ConnectError():
            _fail_to_connect(take, error)
        case httpx.RemoteProtocolError():
            _fail_protocol(take, str(error))
        case _:
            take.end(Ending.RESET)


def _phase(error: httpx.TimeoutException) -> str:
    return "no connection came about" if isinstance(error, httpx.ConnectTimeout) else ""


def _fail_to_connect(take: Take, error: httpx.ConnectError) -> None:
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, ssl.SSLError):
            take.leave_out("TLS could not be agreed on")
            return
        if isinstance(link, socket.gaierror):
            take.leave_out("there is no such host")
            return
        link = link.__cause__ or link.__context__
    take.end(Ending.REFUSED)


def _fail_protocol(take: Take, said: str) -> None:
    if said.startswith(_STREAM_RESET):
        take.end(Ending.RESET)
    elif said.startswith(_ENDED):
        take.end(Ending.CLOSED)
    else:
        take.end(Ending.CLOSED, _NO_HTTP)
