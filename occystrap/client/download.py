"""Downloading blobs: streamed, resumed where they broke, and verified.

Rule: bytes that were passed on are never passed on again, and a blob ends without an error only
when size and digest are right. It is resumed at the registry's own URL, for a signed URL may have
expired, and only on an answer that names exactly the range asked for.
Spec: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-blobs
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import httpx

from occystrap.client.ask import Ask
from occystrap.client.failures import transport_error
from occystrap.client.urls import host_of
from occystrap.oci.digest import Verifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from occystrap.client.ask import Answer
    from occystrap.client.session import Grant, Session
    from occystrap.client.traffic import Attempts
    from occystrap.oci.manifest import Descriptor

__all__ = ["RemoteBlob"]

#: So much gained since the last failure is progress: the count of failures starts again.
_PROGRESS: Final = 1024 * 1024
#: A body slower than this many bytes over this many seconds counts as stalled. Without a floor, a
#: byte now and then keeps a connection alive for ever.
_FLOOR_BYTES: Final = 64 * 1024
_FLOOR_SECONDS: Final = 60.0
_PARTIAL: Final = 206
#: Answers to a Range that mean "ask without one".
_RANGE_REFUSED: Final = frozenset({400, 416})
_CONTENT_RANGE: Final = re.compile(r"bytes (?P<first>[0-9]{1,18})-[0-9]+/(?:[0-9]+|\*)")


@final
@dataclass(frozen=True, slots=True)
class RemoteBlob:
    """A blob in a registry, as a source that can be read again and again.

    `host` and `repository` tell where it is, so that it can be mounted rather than moved.
    """

    session: Session
    grant: Grant | None
    url: str
    descriptor: Descriptor
    host: str
    repository: str

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self.descriptor.size

    def open(self) -> Iterator[bytes]:
        """Yield the bytes as stored.

        Raises:
            APIException: the registry doesn't give the blob.
            TransportError: the connection broke more often than there are retries.
            VerificationError: the bytes aren't those of the descriptor.
        """
        verifier = Verifier(self.descriptor.digest, self.descriptor.size)
        attempts = self.session.traffic.attempts(host_of(self.url))
        ranges = True
        while True:
            start = verifier.size
            try:
                with self._ask(start if ranges else 0, attempts) as answer:
                    if answer.status in _RANGE_REFUSED:
                        ranges = False
                        continue
                    for chunk in self._rest(answer, start):
                        verifier.update(chunk)
                        yield chunk
                if verifier.size >= self.descriptor.size:
                    break
                raise _ShortBody(verifier.size, self.descriptor.size)
            except httpx.HTTPError as cause:
                if verifier.size == self.descriptor.size:
                    break  # the connection broke behind the last byte
                if verifier.size - start >= _PROGRESS:
                    attempts.progressed()
                self._retry_or_raise(cause, attempts)
        verifier.finish()

    def _ask(self, offset: int, attempts: Attempts) -> Answer:
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        accepted = _RANGE_REFUSED if offset else frozenset[int]()
        ask = Ask("GET", self.url, headers, accepted=accepted)
        return self.session.open(ask, self.grant, attempts)

    def _rest(self, answer: Answer, offset: int) -> Iterator[bytes]:
        """Yield what comes after the offset, wherever the answer starts.

        Raises:
            _ShortBody: the answer starts after the offset, or doesn't say where.
        """
        first = 0
        if answer.status == _PARTIAL:
            match = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
            if match is None or int(match["first"]) > offset:
                raise _ShortBody(offset, self.descriptor.size)
            first = int(match["first"])
        skip = offset - first
        for chunk in _at_least(answer.iter_raw(), self.session.traffic.clock):
            if skip >= len(chunk):
                skip -= len(chunk)
                continue
            yield chunk[skip:] if skip else chunk
            skip = 0

    def _retry_or_raise(self, cause: httpx.HTTPError, attempts: Attempts) -> None:
        stop = attempts.again()
        if stop is not None:
            failures, note = attempts.failures, stop.reason
            raise transport_error("GET", self.url, cause, attempts=failures, note=note) from cause


class _ShortBody(httpx.ReadError):
    """A body that ended early without the connection saying so."""

    def __init__(self, got: int, size: int) -> None:
        super().__init__(f"the body ended after {got} of {size} bytes")


def _at_least(chunks: Iterator[bytes], clock: Callable[[], float]) -> Iterator[bytes]:
    """Pass chunks on while they come fast enough; the time that their taker needs isn't counted.

    Raises:
        httpx.ReadTimeout: they don't.
    """
    waited = 0.0
    gained = 0
    before = clock()
    for chunk in chunks:
        waited += clock() - before
        gained += len(chunk)
        if gained >= _FLOOR_BYTES:
            waited, gained = 0.0, 0
        elif waited > _FLOOR_SECONDS:
            raise httpx.ReadTimeout(f"only {gained} bytes in {waited:.0f} s")
        yield chunk
        before = clock()
