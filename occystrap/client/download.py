"""Downloading blobs: streamed, resumed where they broke, and verified.

Rule: bytes that were passed on are never passed on again, and a blob ends without an error only
when size and digest are right. It is resumed at the registry's own URL, for a signed URL may have
expired, and only on an answer that names exactly the range asked for.
Spec: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-blobs
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar, final

import httpx

from occystrap.client.ask import Ask
from occystrap.client.failures import transport_error
from occystrap.client.urls import host_of
from occystrap.errors import OccystrapError, VerificationError
from occystrap.oci.digest import Verifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from occystrap.client.ask import Answer
    from occystrap.client.session import Grant, Session
    from occystrap.client.traffic import Attempts
    from occystrap.oci.manifest import Descriptor

__all__ = ["RemoteBlob", "once_more"]

Result = TypeVar("Result")

#: So much gained since the last failure is progress: the count of failures starts again.
_PROGRESS: Final = 1024 * 1024
_PARTIAL: Final = 206
#: Answers to a Range that mean "ask without one".
_RANGE_REFUSED: Final = frozenset({400, 416})
_CONTENT_RANGE: Final = re.compile(r"bytes (?P<first>[0-9]{1,18})-[0-9]+/(?:[0-9]+|\*)")


def once_more(read: Callable[[], Result]) -> Result:
    """Do what reads a blob to its end, and again if the bytes were spoilt on their way.

    A blob that is passed on piece by piece can't take a piece back: only who has put the pieces
    away can begin anew.

    Raises:
        VerificationError: they were spoilt again, or there is no use in another try.
    """
    try:
        return read()
    except VerificationError as error:
        if not error.passing:
            raise
        return read()


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
            VerificationError: the bytes aren't those of the descriptor; `once_more` gets others.
        """
        attempts = self.session.traffic.attempts(host_of(self.url))
        try:
            yield from self._verified(attempts)
        except VerificationError as error:
            error.passing = attempts.again() is None
            raise

    def read_end(self, count: int) -> bytes:
        """Read so many bytes from the end, unverified; none if the registry doesn't give them.

        It is asked once: whatever is wrong shows again when all bytes are read.
        """
        headers = {"Range": f"bytes={self.size - count}-{self.size - 1}"}
        ask = Ask("GET", self.url, headers, accepted=_RANGE_REFUSED, repeatable=False)
        try:
            with self.session.open(ask, self.grant) as answer:
                if answer.status != _PARTIAL:
                    return b""
                said = answer.headers.get("Content-Range", "").strip()
                match = _CONTENT_RANGE.fullmatch(said)
                if match is None or int(match["first"]) != self.size - count:
                    return b""
                end = answer.read(count)
        except (OccystrapError, httpx.HTTPError):
            return b""
        return end if len(end) == count else b""

    def _verified(self, attempts: Attempts) -> Iterator[bytes]:
        verifier = Verifier(self.descriptor.digest, self.descriptor.size)
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
        for chunk in answer.iter_raw():
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
