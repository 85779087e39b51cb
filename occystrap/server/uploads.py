"""Uploads in progress: what may be done to one in which state, and how far it has come.

Rule: bytes are appended in order, are hashed as they pass, and become a blob only under the digest
that they have. What came before a client broke off stays, so that it can go on from there.
Spec: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from occystrap.errors import DigestMismatch
from occystrap.oci.diagnostics import ErrorCode
from occystrap.oci.digest import Digest, Digester
from occystrap.oci.routes import Route, RouteKind
from occystrap.server.answers import Refusal
from occystrap.server.ranges import Span
from occystrap.server.store import BlobStore, Draft

__all__ = ["Upload", "Uploads", "new_session"]

#: How long a request waits for another one that writes to the same upload.
_PATIENCE_SECONDS: Final = 10.0
#: How long an upload is kept that nobody goes on with.
_ABANDONED_SECONDS: Final = 24 * 3600.0


class _State(Enum):
    OPEN = "open"
    KEPT = "kept"
    GONE = "gone"


class _Event(Enum):
    APPEND = "append"
    COMMIT = "commit"
    CANCEL = "cancel"
    SPOIL = "spoil"


#: Whatever isn't here is refused: an upload that has ended is unknown.
_TABLE: Final = {
    (_State.OPEN, _Event.APPEND): _State.OPEN,
    (_State.OPEN, _Event.COMMIT): _State.KEPT,
    (_State.OPEN, _Event.CANCEL): _State.GONE,
    (_State.OPEN, _Event.SPOIL): _State.GONE,
}


@dataclass(slots=True)
class Upload:
    """One upload; changed only by Uploads, with the lock held."""

    repository: str
    session: str
    draft: Draft
    touched: float
    digester: Digester = field(default_factory=Digester)
    state: _State = _State.OPEN
    #: Whether the last chunk was too short to be any but the last of all.
    short: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def size(self) -> int:
        """How many bytes have come."""
        return self.digester.size

    @property
    def headers(self) -> dict[str, str]:
        """What a client needs to go on; as elsewhere, an upload without bytes shows `0-0`."""
        return {
            "Location": Route(RouteKind.UPLOAD, self.repository, self.session).path,
            "Range": f"0-{max(self.size - 1, 0)}",
            "Docker-Upload-UUID": self.session,
        }

    def digest(self, algorithm: str) -> Digest:
        """Hash what has come; it is read again only for an algorithm that nobody announced."""
        if algorithm == self.digester.algorithm:
            return self.digester.digest
        again = Digester(algorithm)
        for piece in self.draft.read():
            again.update(piece)
        return again.digest


def new_session() -> str:
    """Make a name for an upload that nobody can guess."""
    return str(uuid.uuid4())


class Uploads:
    """All uploads in progress.

    Each chunk but the last has at least `chunk_min_length` bytes. An upload that nobody has touched
    for a day is dropped when the next one begins.
    """

    def __init__(
        self,
        store: BlobStore,
        *,
        new_session: Callable[[], str] = new_session,
        patience: float = _PATIENCE_SECONDS,
        chunk_min_length: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.chunk_min_length = chunk_min_length
        self._store = store
        self._new_session = new_session
        self._patience = patience
        self._clock = clock
        self._uploads: dict[str, Upload] = {}

    def open(self, repository: str) -> Upload:
        """Begin an upload."""
        self._drop_abandoned()
        session, draft = self._new_session(), self._store.new_draft()
        upload = Upload(repository, session, draft, self._clock())
        self._uploads[upload.session] = upload
        return upload

    def _drop_abandoned(self) -> None:
        limit = self._clock() - _ABANDONED_SECONDS
        for upload in tuple(self._uploads.values()):
            if upload.touched < limit and not upload.lock.locked():
                with suppress(Refusal):  # somebody came back for it, or has ended it
                    self.cancel(upload)

    @contextmanager
    def at_once(self, repository: str) -> Iterator[Upload]:
        """Begin an upload that nobody is told of; it is gone when the block ends."""
        upload = self.open(repository)
        try:
            yield upload
        finally:
            if upload.state is _State.OPEN:
                self.cancel(upload)

    def find(self, repository: str, session: str) -> Upload:
        """Return an upload that is open.

        Raises:
            Refusal: there is none of that name in the repository.
        """
        upload = self._uploads.get(session)
        if upload is None or upload.repository != repository:
            raise Refusal(ErrorCode.BLOB_UPLOAD_UNKNOWN)
        return upload

    def append(self, upload: Upload, pieces: Iterable[bytes], span: Span | None = None) -> None:
        """Take the next bytes.

        Raises:
            Refusal: they aren't the next ones, not as many as announced, or the upload has ended.
        """
        with self._turn(upload, _Event.APPEND):
            before = upload.size
            _take(upload, pieces, span)
            upload.short = upload.size - before < self.chunk_min_length

    def commit(
        self, upload: Upload, digest: Digest, pieces: Iterable[bytes], span: Span | None = None
    ) -> None:
        """Take the last bytes, and make them all a blob.

        Raises:
            Refusal: as for `append`, or the bytes have another digest, which ends the upload.
        """
        with self._turn(upload, _Event.COMMIT):
            if not upload.size:
                upload.digester = Digester(digest.algorithm)
            _take(upload, pieces, span)
            actual = upload.digest(digest.algorithm)
            if actual != digest:
                raise DigestMismatch(str(digest), str(actual), "the uploaded blob")
            upload.draft.keep(upload.repository, digest)

    def cancel(self, upload: Upload) -> None:
        """Drop an upload."""
        with self._turn(upload, _Event.CANCEL):
            pass

    @contextmanager
    def _turn(self, upload: Upload, event: _Event) -> Iterator[None]:
        """Let something happen to an upload while nothing else does."""
        if not upload.lock.acquire(timeout=self._patience):
            raise Refusal(ErrorCode.UNAVAILABLE, "another request is writing to this upload")
        try:
            after = _TABLE.get((upload.state, event))
            if after is None:
                raise Refusal(ErrorCode.BLOB_UPLOAD_UNKNOWN)
            yield
            upload.state = after
        except DigestMismatch as error:
            upload.state = _TABLE[upload.state, _Event.SPOIL]
            raise Refusal(ErrorCode.DIGEST_INVALID, str(error)) from error
        except OSError:  # of the store, which may have kept a part of a piece
            upload.state = _TABLE[upload.state, _Event.SPOIL]
            raise
        finally:
            upload.touched = self._clock()
            if upload.state is not _State.OPEN:
                self._uploads.pop(upload.session, None)
                upload.draft.discard()
            upload.lock.release()


def _take(upload: Upload, pieces: Iterable[bytes], span: Span | None) -> None:
    if span is not None and span.start != upload.size:
        raise Refusal(
            ErrorCode.RANGE_INVALID,
            f"the next byte of this upload is {upload.size}, not {span.start}",
            headers=upload.headers,
        )
    upload.draft.append(_hashed(upload, pieces, span))
    if span is not None and upload.size != span.stop:
        raise _wrong_length(upload)


def _hashed(upload: Upload, pieces: Iterable[bytes], span: Span | None) -> Iterator[bytes]:
    for piece in pieces:
        if piece and upload.short:
            raise Refusal(
                ErrorCode.SIZE_INVALID,
                "the chunk before this one was too short to have any behind it",
                headers=upload.headers,
            )
        if span is not None and upload.size + len(piece) > span.stop:
            raise _wrong_length(upload)
        upload.digester.update(piece)
        yield piece


def _wrong_length(upload: Upload) -> Refusal:
    return Refusal(
        ErrorCode.SIZE_INVALID,
        "the chunk is not as long as its Content-Range says",
        headers=upload.headers,
    )
