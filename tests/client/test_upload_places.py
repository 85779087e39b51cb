"""Where the bytes of an upload go, as the answers of the registry say it, and what goes along."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from occystrap.client.credentials import Credential, StaticCredentials
from occystrap.client.registry import RegistryClient
from occystrap.errors import APIException
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Descriptor
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.message import Handler, Request, Response
from occystrap.server.registry import Registry
from tests.support.handlers import Front, Trick, status
from tests.support.scripted import session_over

CONTENT = bytes(range(256)) * 400
BLOB = Descriptor("application/octet-stream", Digest.of(CONTENT), len(CONTENT))


def client_of(handler: Handler) -> RegistryClient:
    """Make a client that asks a handler in process."""
    session = session_over(httpx.Client(transport=InProcessTransport(handler)))
    return RegistryClient("registry.example", session=session)


def front(**tricks: list[Trick]) -> Front:
    """Put tricks in front of an empty registry: `PUT_upload=[...]`."""
    return Front(Registry(), {name.replace("_", " "): list(t) for name, t in tricks.items()})


def test_an_answer_without_a_location_is_an_error() -> None:
    """An upload that has begun nowhere is said to have."""
    with pytest.raises(APIException, match="has no Location"):
        client_of(front(POST_uploads=[status(202)])).upload_blob("a", BLOB, CONTENT)


def test_an_answer_to_a_chunk_without_a_location_goes_on_where_it_was() -> None:
    """Only the first answer has to say where to upload."""

    def forgetting(request: Request, inner: Handler) -> Response:
        response = inner.handle(request)
        return replace(response, headers=response.headers.remove("Location"))

    registry = front(PATCH_upload=[forgetting, forgetting])
    client_of(registry).upload_blob("a", BLOB, CONTENT, chunk=60_000)
    assert registry.seen.count("PATCH upload") == 2


def test_a_redirected_chunk_keeps_what_describes_it() -> None:
    """To another origin go the range and the type of a chunk, and still no login."""
    seen: list[httpx.Request] = []
    steps = {
        "HEAD": httpx.Response(404),
        "POST": httpx.Response(202, headers={"Location": "/upload"}),
        "PUT": httpx.Response(201),
    }

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if "Authorization" not in request.headers and request.url.host == "registry.example":
            return httpx.Response(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        if request.method != "PATCH":
            return steps[request.method]
        if request.url.host == "registry.example":
            return httpx.Response(307, headers={"Location": "https://store.example/part"})
        return httpx.Response(202, headers={"Location": "https://registry.example/upload"})

    session = session_over(httpx.Client(transport=httpx.MockTransport(handle)))
    credentials = StaticCredentials(Credential("alice", "secret"))
    client = RegistryClient("registry.example", session=session, credentials=credentials)
    client.upload_blob("a", BLOB, CONTENT, chunk=1_000_000)
    (there,) = (request for request in seen if request.url.host == "store.example")
    assert there.headers["Content-Range"] == f"0-{len(CONTENT) - 1}"
    assert there.headers["Content-Type"] == "application/octet-stream"
    assert there.read() == CONTENT
    assert "Authorization" not in there.headers


def test_a_token_stays_at_home_when_an_upload_moves() -> None:
    """W-13: a Location on another host gets the bytes, but not the login."""
    seen: list[httpx.Request] = []
    elsewhere = {"Location": "https://evil.example/upload?state=1"}
    script = [httpx.Response(404), httpx.Response(202, headers=elsewhere), httpx.Response(201)]

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if "Authorization" not in request.headers and request.url.host == "registry.example":
            return httpx.Response(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        return script.pop(0)

    session = session_over(httpx.Client(transport=httpx.MockTransport(handle)))
    credentials = StaticCredentials(Credential("alice", "secret"))
    client = RegistryClient("registry.example", session=session, credentials=credentials)
    client.upload_blob("a", BLOB, CONTENT)
    assert seen[-1].url == f"https://evil.example/upload?state=1&digest={BLOB.digest}".replace(
        "sha256:", "sha256%3A"
    )
    assert "Authorization" in seen[-2].headers
    assert "Authorization" not in seen[-1].headers


def test_a_location_that_forgot_tls_is_upgraded() -> None:
    """A registry behind a proxy may name http; the bytes still go over TLS."""
    forgot = {"Location": "http://registry.example/v2/a/blobs/uploads/1"}
    script = [httpx.Response(404), httpx.Response(202, headers=forgot), httpx.Response(201)]
    seen: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return script.pop(0)

    session = session_over(httpx.Client(transport=httpx.MockTransport(handle)))
    RegistryClient("registry.example", session=session).upload_blob("a", BLOB, CONTENT)
    assert seen[-1].startswith("https://registry.example/v2/a/blobs/uploads/1?digest=")
