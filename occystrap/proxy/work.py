"""What is under way, so that the proxy can end without breaking it off.

Rule: from the moment that it is to end nothing new begins; what has begun is waited for, down to
the last byte of its answer.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Final, final

from occystrap.oci.diagnostics import ErrorCode
from occystrap.server.answers import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from occystrap.server.message import Handler, Request, Response

__all__ = ["Work"]

_RETRY_SECONDS: Final = 10


@final
class Work:
    """A Handler around another one that counts what is under way, and may be ended."""

    def __init__(self, inner: Handler) -> None:
        self._inner = inner
        self._changed = threading.Condition()
        self._count = 0
        self._ending = False

    def handle(self, request: Request) -> Response:
        """Pass a request on; when the end has come, answer 503."""
        with self._changed:
            if self._ending:
                headers = {"Retry-After": str(_RETRY_SECONDS), "Connection": "close"}
                message = "the proxy is about to end"
                return Refusal(ErrorCode.UNAVAILABLE, message, headers=headers).response
            self._count += 1
        try:
            response = self._inner.handle(request)
        except BaseException:
            self._done()
            raise
        return replace(response, body=_Body(response, self._done))

    def end(self, seconds: float) -> bool:
        """Let nothing new begin, and wait for what has; False if that takes longer."""
        with self._changed:
            self._ending = True
            return self._changed.wait_for(lambda: not self._count, seconds)

    def _done(self) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()


@final
class _Body:
    """The body of an answer, which tells when it is let go of."""

    def __init__(self, response: Response, done: Callable[[], None]) -> None:
        self._response = response
        self._done = done
        self._is_open = True

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._response.body)

    def close(self) -> None:
        """Let go of it."""
        self._response.close()
        if self._is_open:
            self._is_open = False
            self._done()
