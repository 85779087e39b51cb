"""Uploads: how they grow and end, and what happens when the client or the store fails."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.oci.diagnostics import ErrorCode
from occystrap.oci.digest import Digest
from occystrap.server.answers import Refusal
from occystrap.server.memory_store import MemoryStore
from occystrap.server.message import RequestAborted
from occystrap.server.ranges import Span
from occystrap.server.store import Draft, Store
from occystrap.server.uploads import Uploads
from tests.support.clock import FakeClock

CONTENT = b"0123456789"
DIGEST = Digest.of(CONTENT)


def broken_off(*pieces: bytes) -> Iterator[bytes]:
    """Send some pieces and leave."""
    yield from pieces
    raise RequestAborted


def read(store: Store, digest: Digest = DIGEST) -> bytes | None:
    """Read the blob that was uploaded."""
    blob = store.blob("a", digest)
    return None if blob is None else b"".join(blob.read(0, blob.size))


def refused(code: ErrorCode) -> pytest.RaisesExc[Refusal]:
    """Expect a refusal with this code."""
    return pytest.RaisesExc(Refusal, check=lambda error: error.code is code)


def test_sessions_are_named_by_whom_the_uploads_are_given() -> None:
    """A recording wants the same names every time."""
    numbers = count(1)
    uploads = Uploads(MemoryStore(), new_session=lambda: f"upload-{next(numbers)}")
    assert [uploads.open("a").session for _ in range(2)] == ["upload-1", "upload-2"]
    assert uploads.find("a", "upload-2").headers["Location"] == "/v2/a/blobs/uploads/upload-2"


def test_names_are_different_without_being_told() -> None:
    """Nobody can guess the upload of another."""
    uploads = Uploads(MemoryStore())
    assert len({uploads.open("a").session for _ in range(100)}) == 100


@pytest.mark.parametrize("committing", [True, False])
def test_a_client_that_broke_off_can_go_on(store: Store, committing: bool) -> None:
    """What came stays, and the hash with it, be it a chunk or the last one."""
    uploads = Uploads(store)
    upload = uploads.open("a")
    take = (
        partial(uploads.commit, upload, DIGEST) if committing else partial(uploads.append, upload)
    )
    with pytest.raises(RequestAborted):
        take(broken_off(b"012", b"34"))
    assert uploads.find("a", upload.session).headers["Range"] == "0-4"
    uploads.commit(upload, DIGEST, [b"56789"], Span(5, 10))
    assert read(store) == CONTENT


@pytest.mark.parametrize(
    ("pieces", "kept"), [((b"012", b"3"), 4), ((b"012", b"3456"), 3), ((b"012345",), 0)]
)
def test_a_chunk_of_another_length_than_it_says(
    store: Store, pieces: tuple[bytes, ...], kept: int
) -> None:
    """It is refused; what fitted stays, and the client is told how much that is."""
    uploads = Uploads(store)
    upload = uploads.open("a")
    with refused(ErrorCode.SIZE_INVALID) as caught:
        uploads.append(upload, pieces, Span(0, 5))
    assert caught.value.headers["Range"] == f"0-{max(kept - 1, 0)}"
    uploads.commit(upload, DIGEST, [CONTENT[kept:]])
    assert read(store) == CONTENT


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("before", [b"", b"0123"])
def test_either_algorithm_names_a_blob(store: Store, algorithm: str, before: bytes) -> None:
    """Also when it comes to light only at the end."""
    uploads = Uploads(store)
    upload = uploads.open("a")
    uploads.append(upload, [before])
    digest = Digest.of(CONTENT, algorithm)
    uploads.commit(upload, digest, [CONTENT[len(before) :]])
    assert read(store, digest) == CONTENT


def test_an_upload_with_another_digest_is_over(store: Store) -> None:
    """Nobody can know which of its bytes are wrong."""
    uploads = Uploads(store)
    upload = uploads.open("a")
    with refused(ErrorCode.DIGEST_INVALID):
        uploads.commit(upload, DIGEST, [b"other"])
    for again in (
        lambda: uploads.append(upload, [CONTENT]),
        lambda: uploads.commit(upload, DIGEST, [CONTENT]),
        lambda: uploads.cancel(upload),
        lambda: uploads.find("a", upload.session),
    ):
        with refused(ErrorCode.BLOB_UPLOAD_UNKNOWN):
            again()
    assert read(store) is None


def test_an_upload_that_nobody_was_told_of_does_not_stay(store: Store) -> None:
    """Whether it comes to a good end or not."""
    uploads = Uploads(store)
    with pytest.raises(RequestAborted), uploads.at_once("a") as upload:
        uploads.commit(upload, DIGEST, broken_off(b"012"))
    with refused(ErrorCode.BLOB_UPLOAD_UNKNOWN):
        uploads.find("a", upload.session)
    with uploads.at_once("a") as upload:
        uploads.commit(upload, DIGEST, [CONTENT])
    assert read(store) == CONTENT


class _FullDraft:
    """A draft on a disk without space."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self.discard = draft.discard
        self.read = draft.read
        self.keep = draft.keep

    def append(self, pieces: Iterable[bytes]) -> None:
        """Take some bytes, and fail."""
        self._draft.append([next(iter(pieces))[:1]])
        raise OSError(errno.ENOSPC, "No space left on device")


class _FullStore(MemoryStore):
    """A store whose disk is full."""

    def new_draft(self) -> Draft:
        """Begin to take bytes."""
        return _FullDraft(super().new_draft())


def test_a_full_disk_ends_an_upload() -> None:
    """The bytes that were hashed aren't those that were kept."""
    uploads = Uploads(_FullStore())
    upload = uploads.open("a")
    with pytest.raises(OSError, match="No space left"):
        uploads.append(upload, [CONTENT])
    with refused(ErrorCode.BLOB_UPLOAD_UNKNOWN):
        uploads.find("a", upload.session)


def test_two_requests_take_turns(store: Store) -> None:
    """The second waits, and one that waits too long is told to try again."""
    uploads, hasty = Uploads(store), Uploads(store, patience=0.01)
    upload = uploads.open("a")
    writing, go_on = threading.Event(), threading.Event()

    def slowly() -> Iterator[bytes]:
        yield CONTENT[:5]
        writing.set()
        assert go_on.wait(20)

    first = threading.Thread(target=uploads.append, args=(upload, slowly()))
    first.start()
    assert writing.wait(20)
    assert uploads.find("a", upload.session).headers["Range"] == "0-4"
    with refused(ErrorCode.UNAVAILABLE):
        hasty.append(upload, [CONTENT])
    second = threading.Thread(target=uploads.commit, args=(upload, DIGEST, [CONTENT[5:]]))
    second.start()
    go_on.set()
    first.join()
    second.join()
    assert read(store) == CONTENT


@given(st.integers(0, 10**17), st.integers(0, 10**6))
def test_the_range_of_a_chunk(start: int, length: int) -> None:
    """First and last byte, both of them in it."""
    assert Span.parse(f"{start}-{start + length}") == Span(start, start + length + 1)


@given(st.one_of(st.text(), st.from_regex(r"(bytes[ =])?\d*-\d*(/\d*)?", fullmatch=True)))
def test_any_text_is_a_range_or_refused(text: str) -> None:
    """Whatever a client sends."""
    try:
        span = Span.parse(text)
    except Refusal as refusal:
        assert refusal.code is ErrorCode.BLOB_UPLOAD_INVALID  # noqa: PT017
        return
    assert 0 <= span.start < span.stop


@pytest.mark.parametrize("text", ["", "5-4", "bytes 0-4", "0-4/5", "-4", "4-", "²-4", "0-4 "])
def test_what_is_no_range(text: str) -> None:
    """Clients that write another form would fail elsewhere."""
    with refused(ErrorCode.BLOB_UPLOAD_INVALID):
        Span.parse(text)


def test_an_upload_that_nobody_goes_on_with_is_dropped() -> None:
    """After a day, when the next one begins; each request for it counts."""
    clock = FakeClock()
    uploads = Uploads(MemoryStore(), clock=clock)
    forgotten, kept = uploads.open("a"), uploads.open("a")
    clock.now += 86_400
    uploads.append(kept, [b"x"])
    uploads.open("a")
    assert uploads.find("a", forgotten.session) is forgotten
    clock.now += 1
    uploads.open("a")
    assert uploads.find("a", kept.session) is kept
    with refused(ErrorCode.BLOB_UPLOAD_UNKNOWN):
        uploads.find("a", forgotten.session)


def test_an_upload_in_use_is_not_dropped() -> None:
    """However long a request takes."""
    clock = FakeClock()
    uploads = Uploads(MemoryStore(), clock=clock)
    upload = uploads.open("a")

    def slow() -> Iterator[bytes]:
        clock.now += 90_000
        uploads.open("a")
        yield CONTENT

    uploads.commit(upload, DIGEST, slow())
