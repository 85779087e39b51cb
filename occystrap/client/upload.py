"""Uploading blobs: looked for first, mounted where possible, and never sent twice in doubt.

Rule: a blob that is there is not sent. After anything that leaves a doubt about an upload, the
registry is asked for the digest before the bytes are sent again, in a new session.
Spec: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, final

from occystrap.client.ask import Ask
from occystrap.client.failures import add_reason, api_error, is_passing
from occystrap.client.retry import RETRIED_STATUSES, parse_retry_after
from occystrap.client.urls import add_query, host_of, next_url
from occystrap.errors import (
    APIException,
    ExchangeError,
    InvalidToken,
    OccystrapError,
    TransportError,
    VerificationError,
)
from occystrap.oci.challenge import Scope
from occystrap.oci.media_types import OCTET_STREAM
from occystrap.oci.routes import Route, RouteKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from occystrap.client.ask import Answer, Body
    from occystrap.client.auth import Authorizer
    from occystrap.client.session import Session
    from occystrap.client.traffic import Attempts
    from occystrap.oci.manifest import Descriptor

__all__ = ["DEFAULT_CHUNK", "BlobUpload", "UploadOutcome"]

#: Bytes of a chunk when an upload has to go in chunks: what GHCR takes and S3 stores.
DEFAULT_CHUNK: Final = 4 * 1024 * 1024
_MOST_CHUNK: Final = 256 * 1024 * 1024
_CREATED: Final = 201
_NOT_FOUND: Final = 404
_NOT_ALLOWED: Final = 405
_TOO_LARGE: Final = 413
_NO_RANGE: Final = 416
#: From all at once to chunks, and back: who refuses both isn't asked for ever.
_MOST_CHANGES: Final = 2
#: Answers to HEAD that mean "not there", or "no way to tell".
_ABSENT: Final = frozenset({_NOT_FOUND, _NOT_ALLOWED})
#: Beside the passing ones: the session is gone, is at another place, or someone else ended it.
_DOUBTFUL: Final = RETRIED_STATUSES | {_NOT_FOUND, _NO_RANGE}
_DOUBTFUL_CODES: Final = ("BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN")


class UploadOutcome(Enum):
    """How a blob came to be in the registry."""

    PRESENT = "present"
    MOUNTED = "mounted"
    UPLOADED = "uploaded"


@final
@dataclass(frozen=True, slots=True)
class BlobUpload:
    """The upload of one blob into one repository.

    `chunk` is the size of chunks in bytes; None sends the blob in one request. Where the registry
    says that either is too much, chunks are of `DEFAULT_CHUNK`.
    """

    session: Session
    authorizer: Authorizer
    base: str
    repository: str
    descriptor: Descriptor
    body: bytes | Body
    mount_from: str = ""
    chunk: int | None = None

    def run(self) -> UploadOutcome:
        """Make the registry hold the blob.

        Raises:
            ExchangeError: the registry refuses it, or the connection broke too often.
            OccystrapError: what the body raises when its source fails.
        """
        # Images of an index share layers. Who comes second finds the blob there; two at once would
        # move it twice, and docker-registry 2.8 rewrites in place the link that a manifest needs.
        with self.session.traffic.alone(self._url(RouteKind.BLOB, str(self.descriptor.digest))):
            return self._run()

    def _run(self) -> UploadOutcome:
        if self.present():
            return UploadOutcome.PRESENT
        begun = self._mount()
        if begun is not None and begun.status == _CREATED:
            return UploadOutcome.MOUNTED
        attempts = self.session.traffic.attempts(host_of(self.base))
        chunk, changes, spoilt = self.chunk, 0, False
        while True:
            begun = begun or self._ask("POST", self._url(RouteKind.UPLOADS))
            source = _Watched(self.body)
            try:
                self._send(begun, source, chunk)
                return UploadOutcome.UPLOADED
            except OccystrapError as error:
                begun = None
                other = _other_size(chunk, error)
                if other != chunk and changes < _MOST_CHANGES:
                    chunk, changes = other, changes + 1
                elif source.spoilt and not spoilt:
                    spoilt = True
                elif self._has_landed(error, source, attempts):
                    return UploadOutcome.UPLOADED

    def _has_landed(self, error: OccystrapError, source: _Watched, attempts: Attempts) -> bool:
        """Look whether the blob is there in spite of an error; if not, wait for another try.

        Raises:
            OccystrapError: the error again, when there is no use in another try.
        """
        if source.failed or not _leaves_doubt(error):
            raise error
        if self.present():
            return True
        stop = attempts.again(self._retry_after(error))
        if stop is not None:
            add_reason(error, stop.reason)
            raise error
        return False

    def present(self) -> bool:
        """Ask whether the repository has the blob."""
        url = self._url(RouteKind.BLOB, str(self.descriptor.digest))
        answer = self._ask("HEAD", url, accepted=_ABSENT)
        return answer.ok and _can_be(self.descriptor, answer)

    def _mount(self) -> Answer | None:
        """Ask for the blob of another repository; an answer is a session, or success.

        Whatever goes wrong with a mount, the blob can still be uploaded, so it is tried once.
        """
        if not self.mount_from or self.mount_from == self.repository:
            return None
        query = {"mount": str(self.descriptor.digest), "from": self.mount_from}
        url = add_query(self._url(RouteKind.UPLOADS), **query)
        grant = self.authorizer.grant(
            Scope.repository(self.repository, "pull", "push"),
            Scope.repository(self.mount_from, "pull"),
        )
        try:
            return self.session.request(Ask("POST", url, repeatable=False), grant)
        except (ExchangeError, InvalidToken):
            return None

    def _send(self, begun: Answer, source: _Watched, chunk: int | None) -> None:
        url = self._location(begun)
        if chunk is None:
            self._finish(url, self.body if isinstance(self.body, bytes) else source)
            return
        least = begun.headers.get("OCI-Chunk-Min-Length", "")
        if re.fullmatch(r"[0-9]{1,18}", least):
            chunk = min(max(chunk, int(least)), _MOST_CHUNK)
        offset = 0
        for piece in _pieces(source.open(), chunk):
            span = f"{offset}-{offset + len(piece) - 1}"
            answer = self._ask("PATCH", url, {"Content-Range": span}, piece, repeatable=False)
            url = self._location(answer, url)
            offset += len(piece)
        self._finish(url, b"")

    def _finish(self, url: str, content: bytes | Body) -> None:
        target = add_query(url, digest=str(self.descriptor.digest))
        self._ask("PUT", target, content=content, repeatable=False)

    def _location(self, answer: Answer, current: str = "") -> str:
        location = answer.headers.get("Location")
        if location is not None:
            return next_url(answer.url, location)
        if not current:
            raise api_error("POST", answer, "the answer has no Location to upload to")
        return current

    def _ask(
        self,
        method: str,
        url: str,
        headers: dict[str, str] | None = None,
        content: bytes | Body = b"",
        *,
        accepted: frozenset[int] = frozenset(),
        repeatable: bool = True,
    ) -> Answer:
        sent = {"Content-Type": OCTET_STREAM, **(headers or {})} if method in _WITH_BODY else {}
        ask = Ask(method, url, sent, content, accepted, repeatable)
        grant = self.authorizer.grant(Scope.repository(self.repository, "pull", "push"))
        return self.session.request(ask, grant)

    def _url(self, kind: RouteKind, item: str = "") -> str:
        return self.base + Route(kind, self.repository, item).path

    def _retry_after(self, error: OccystrapError) -> float | None:
        if not isinstance(error, APIException):
            return None
        now = self.session.traffic.wall_clock()
        return parse_retry_after(error.headers.get("retry-after"), now)


_WITH_BODY: Final = ("PATCH", "PUT")


@final
class _Watched:
    """A body that remembers whether it was its own source that failed, and not the registry.

    `spoilt` is whether that may bring other bytes the next time.
    """

    def __init__(self, body: bytes | Body) -> None:
        self._body = body
        self.size = len(body) if isinstance(body, bytes) else body.size
        self.failed = False
        self.spoilt = False

    def open(self) -> Iterator[bytes]:
        """Pass on the bytes from the start."""
        try:
            if isinstance(self._body, bytes):
                yield self._body
            else:
                yield from self._body.open()
        except OccystrapError as error:
            self.failed = True
            self.spoilt = isinstance(error, VerificationError) and error.passing
            raise


def _pieces(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Cut chunks into pieces of a size; only the last is shorter."""
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while len(buffer) >= size:
            yield bytes(buffer[:size])
            del buffer[:size]
    if buffer:
        yield bytes(buffer)


def _can_be(descriptor: Descriptor, answer: Answer) -> bool:
    """Whether what is said to be there can be the blob: what stands in between says 200, too."""
    length = answer.headers.get("Content-Length")
    if length is not None:
        return bool(length == str(descriptor.size))
    return "Transfer-Encoding" not in answer.headers


def _other_size(chunk: int | None, error: OccystrapError) -> int | None:
    """Choose another size of chunks, None being all at once, when that may be what is wrong."""
    if not isinstance(error, APIException):
        return chunk
    if error.method == "PATCH" and error.status == _NOT_ALLOWED:
        return None  # Artifact Registry takes no chunks
    # GHCR says 416 of chunks that are too large.
    too_large = error.status == _TOO_LARGE or (
        error.status == _NO_RANGE and "too large" in error.text
    )
    if too_large and (chunk is None or chunk > DEFAULT_CHUNK):
        return DEFAULT_CHUNK
    return chunk


def _leaves_doubt(error: OccystrapError) -> bool:
    """Whether the blob may have landed, or would if it were sent again."""
    if isinstance(error, APIException):
        return error.status in _DOUBTFUL or any(code in error.text for code in _DOUBTFUL_CODES)
    # Redirects in circles aren't unrolled in another session either.
    return isinstance(error, TransportError) and (
        not isinstance(error.__cause__, Exception) or is_passing(error.__cause__)
    )
