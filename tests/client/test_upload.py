"""Uploads: looked for, mounted, chunked, repeated only when it's safe, and whole."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

import httpx
import pytest

from occystrap.client.registry import RegistryClient
from occystrap.client.upload import UploadOutcome
from occystrap.errors import APIException, DigestMismatch, TransportError
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Descriptor
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.message import Handler, Request, Response
from occystrap.server.registry import Registry
from tests.support.handlers import Front, Trick, lose_answer, status
from tests.support.scripted import session_over

CONTENT = bytes(range(256)) * 400
BLOB = Descriptor("application/octet-stream", Digest.of(CONTENT), len(CONTENT))


@dataclass
class Content:
    """A body that counts how often it was opened."""

    content: bytes = CONTENT
    opened: int = 0

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.content)

    def open(self) -> Iterator[bytes]:
        """Yield the bytes in two chunks."""
        self.opened += 1
        yield self.content[:1000]
        yield self.content[1000:]


def client_of(handler: Handler, retries: int = 3) -> RegistryClient:
    """Make a client that asks a handler in process."""
    session = session_over(httpx.Client(transport=InProcessTransport(handler)), retries=retries)
    return RegistryClient("registry.example", session=session)


def front(**tricks: list[Trick]) -> Front:
    """Put tricks in front of an empty registry: `PUT_upload=[...]`."""
    return Front(Registry(), {name.replace("_", " "): list(t) for name, t in tricks.items()})


def test_a_blob_is_looked_for_before_it_is_sent() -> None:
    """A blob that is there costs one HEAD."""
    registry = front()
    client = client_of(registry)
    assert client.upload_blob("a", BLOB, CONTENT) is UploadOutcome.UPLOADED
    registry.seen.clear()
    assert client.upload_blob("a", BLOB, CONTENT) is UploadOutcome.PRESENT
    assert registry.seen == ["HEAD blob"]
    assert b"".join(client.blob("a", BLOB).open()) == CONTENT


def test_threads_that_upload_the_same_blob_send_it_once() -> None:
    """Who comes second waits, finds it there and sends nothing."""
    client = client_of(front())
    outcomes: list[UploadOutcome] = []
    late = Content()
    second = threading.Thread(
        target=lambda: outcomes.append(client.upload_blob("a", BLOB, late)), daemon=True
    )

    class Shared(Content):
        def open(self) -> Iterator[bytes]:
            second.start()
            second.join(0.05)  # would do for a whole upload in process
            return super().open()

    assert client.upload_blob("a", BLOB, Shared()) is UploadOutcome.UPLOADED
    second.join()
    assert outcomes == [UploadOutcome.PRESENT]
    assert late.opened == 0


def test_a_blob_of_another_repository_is_mounted() -> None:
    """Within a registry no bytes move."""
    registry = front()
    client = client_of(registry)
    client.upload_blob("a", BLOB, CONTENT)
    registry.seen.clear()
    body = Content()
    assert client.upload_blob("b", BLOB, body, mount_from="a") is UploadOutcome.MOUNTED
    assert registry.seen == ["HEAD blob", "POST uploads"]
    assert body.opened == 0
    assert client.has_blob("b", BLOB.digest)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 500])
def test_a_mount_that_fails_is_an_upload(code: int) -> None:
    """Whatever a registry has against a mount, the blob goes up, without a pause."""
    registry = front(POST_uploads=[status(code)])
    body = Content()
    assert (
        client_of(registry).upload_blob("b", BLOB, body, mount_from="a") is UploadOutcome.UPLOADED
    )


def test_a_mount_that_isn_t_done_is_used_as_a_session() -> None:
    """A 202 to a mount has begun an upload, and no second one is begun."""
    registry = front()
    client_of(registry).upload_blob("b", BLOB, CONTENT, mount_from="a")
    assert registry.seen == ["HEAD blob", "POST uploads", "PUT upload"]


def test_chunks_arrive_in_order_and_whole() -> None:
    """A chunked upload sends pieces of the size asked for."""
    registry = front()
    client_of(registry).upload_blob("a", BLOB, Content(), chunk=40_000)
    assert registry.seen.count("PATCH upload") == 3
    ranges = [r.headers.get("Content-Range") for r in registry.requests if r.method == "PATCH"]
    assert ranges == ["0-39999", "40000-79999", "80000-102399"]


@pytest.mark.parametrize(("chunk", "sent"), [(50_000, 2), (51_200, 2), (102_400, 1)])
def test_a_registry_may_ask_for_larger_chunks(chunk: int, sent: int) -> None:
    """What it asks for counts when it's more than what was meant to be sent."""

    def asking(request: Request, inner: Handler) -> Response:
        response = inner.handle(request)
        return replace(response, headers=response.headers.add("OCI-Chunk-Min-Length", "51200"))

    registry = front(POST_uploads=[asking])
    client_of(registry).upload_blob("a", BLOB, Content(), chunk=chunk)
    assert registry.seen.count("PATCH upload") == sent


@pytest.mark.parametrize("least", ["9" * 5000, "-1", "many", "1e9"])
def test_a_least_chunk_that_is_no_number_is_ignored(least: str) -> None:
    """The size that a registry asks for is a number that a machine can hold, or nothing."""

    def asking(request: Request, inner: Handler) -> Response:
        response = inner.handle(request)
        return replace(response, headers=response.headers.add("OCI-Chunk-Min-Length", least))

    registry = front(POST_uploads=[asking])
    client_of(registry).upload_blob("a", BLOB, Content(), chunk=60_000)
    assert registry.seen.count("PATCH upload") == 2


def test_a_body_that_is_too_large_at_once_goes_in_chunks() -> None:
    """A proxy that limits bodies gets chunks."""
    registry = front(PUT_upload=[status(413)])
    assert client_of(registry).upload_blob("a", BLOB, Content()) is UploadOutcome.UPLOADED
    assert "PATCH upload" in registry.seen


def test_a_lost_answer_is_not_answered_by_sending_again() -> None:
    """After the answer to a commit is lost, the registry is asked for the digest, and has it."""
    registry = front(PUT_upload=[lose_answer])
    body = Content()
    assert client_of(registry).upload_blob("a", BLOB, body) is UploadOutcome.UPLOADED
    assert body.opened == 1
    assert registry.seen == ["HEAD blob", "POST uploads", "PUT upload", "HEAD blob"]


@pytest.mark.parametrize("code", [404, 416, 429, 500, 503])
def test_an_upload_that_fails_begins_anew(code: int) -> None:
    """W-3, W-10: a failed upload looks for the blob, then sends all of it in a new session."""
    registry = front(PUT_upload=[status(code)])
    body = Content()
    assert client_of(registry).upload_blob("a", BLOB, body) is UploadOutcome.UPLOADED
    assert body.opened == 2
    assert registry.seen[2:] == ["PUT upload", "HEAD blob", "POST uploads", "PUT upload"]


def test_every_request_of_a_push_has_its_retries() -> None:
    """W-3: HEAD, POST and PUT each survive as many failures as there are retries."""
    down = [status(503), status(502)]
    registry = front(HEAD_blob=down, POST_uploads=down, PUT_upload=down)
    client = client_of(registry, retries=2)
    assert client.upload_blob("a", BLOB, Content()) is UploadOutcome.UPLOADED


def test_an_upload_gives_up_after_its_retries() -> None:
    """A registry that never takes the blob gets N + 1 tries, and the error says so."""
    registry = front(PUT_upload=[status(500)] * 9)
    with pytest.raises(APIException, match=r"500 .*\(gave up after 3 attempts\)$") as caught:
        client_of(registry, retries=2).upload_blob("a", BLOB, Content())
    assert registry.seen.count("PUT upload") == 3
    assert caught.value.args[0] == str(caught.value)
    assert caught.value.args[1:4] == ("PUT", caught.value.url, 500)


def test_a_refusal_is_final() -> None:
    """What the registry forbids isn't tried again."""
    registry = front(PUT_upload=[status(403)])
    with pytest.raises(APIException, match="403"):
        client_of(registry).upload_blob("a", BLOB, Content())
    assert registry.seen.count("PUT upload") == 1


def test_bytes_that_are_others_are_refused() -> None:
    """A registry that verifies says so, and the error is the registry's."""
    with pytest.raises(APIException, match="DIGEST_INVALID"):
        client_of(front()).upload_blob("a", BLOB, Content(bytes(len(CONTENT))))


@pytest.mark.parametrize(
    "error",
    [
        DigestMismatch("sha256:a", "sha256:b"),
        TransportError("GET other", "GET", "https://other.example", "reset"),
    ],
)
def test_a_source_that_fails_is_not_the_registry_s_fault(error: Exception) -> None:
    """What the source raises ends the upload, and isn't taken for a doubt about it."""

    class Failing(Content):
        """A body whose source breaks."""

        def open(self) -> Iterator[bytes]:
            """Yield one chunk, then fail."""
            yield b"x"
            raise error

    registry = front()
    with pytest.raises(type(error)) as caught:
        client_of(registry).upload_blob("a", BLOB, Failing())
    assert caught.value is error
    assert registry.seen.count("POST uploads") == 1
