"""The asynchronous sibling of the in-process door, in a file of its own because it needs anyio.

Rule: handlers know no event loop; they run in worker threads, and bodies cross over piece by piece.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator

import anyio.from_thread
import anyio.to_thread
import httpx

from occystrap.server.doors.in_process import Exchange
from occystrap.server.doors.in_process_answers import BodyStream
from occystrap.server.doors.patience import Passed, Patience, Sleep, ignore
from occystrap.server.message import Handler

__all__ = ["AsyncInProcessTransport"]


class AsyncInProcessTransport(httpx.AsyncBaseTransport):
    """Carry the requests of an `httpx.AsyncClient` to a handler, which runs in worker threads.

    So do `sleep` and `passed`; they are those of InProcessTransport.
    """

    def __init__(
        self, handler: Handler, *, sleep: Sleep = time.sleep, passed: Passed = ignore
    ) -> None:
        self._handler = handler
        self._sleep = sleep
        self._passed = passed

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        assert isinstance(request.stream, httpx.AsyncByteStream)  # noqa: S101 - narrows the type
        patience = Patience(request.extensions.get("timeout", {}), self._sleep, self._passed)
        exchange = Exchange(request, _from_thread(request.stream), patience)
        answer = await anyio.to_thread.run_sync(exchange.answer, self._handler)
        return answer.presented(_AsyncStream(BodyStream(answer)))


class _AsyncStream(httpx.AsyncByteStream):
    """The body of an answer, each piece of it made in a worker thread."""

    def __init__(self, stream: BodyStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = iter(self._stream)
        while (piece := await anyio.to_thread.run_sync(next, pieces, None)) is not None:
            yield piece

    async def aclose(self) -> None:
        """Let go of it."""
        await anyio.to_thread.run_sync(self._stream.close)


def _from_thread(stream: httpx.AsyncByteStream) -> Iterator[bytes]:
    """Go over an asynchronous body from the worker thread that the handler runs in."""
    pieces = aiter(stream)

    async def take() -> bytes | None:
        return await anext(pieces, None)

    while (piece := anyio.from_thread.run(take)) is not None:
        yield piece
