"""Whatever a registry answers: one error in one line, no traceback, nothing left behind, an end."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from occystrap.oci.media_types import OCI_INDEX, OCI_MANIFEST
from occystrap.server.message import Handler, Headers, Request, Response
from tests.support.console import Console, Shelf, error_of
from tests.support.handlers import answer

SOURCE = "registry://r.example/demo/image:1"
#: `RETRIES` for what may pass: none of it does.
PULL = ("--retries", "0", "process", SOURCE, "tar://new.tar")
ZEROS = "sha256:" + "0" * 64
MIB = 1024 * 1024

Answer = Callable[[Request, Handler], Response | None]


class Hostile:
    """A registry that answers some requests as it likes."""

    def __init__(self, inner: Handler, answers: Answer) -> None:
        self.inner, self.answers = inner, answers
        self.asked = 0

    def handle(self, request: Request) -> Response:
        """Answer."""
        self.asked += 1
        return self.answers(request, self.inner) or self.inner.handle(request)


def endless(piece: bytes) -> Iterator[bytes]:
    """Never end."""
    while True:
        yield piece


def when(part: str, response: Callable[[Request], Response]) -> Answer:
    """Answer in place of the registry where the path holds a text."""

    def answers(request: Request, inner: Handler) -> Response | None:
        return response(request) if part in request.path else None

    return answers


def manifest(body: bytes | dict[str, Any], media_type: str = OCI_MANIFEST) -> Answer:
    """Answer with this as the manifest."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return when("/manifests/", lambda request: answer(200, raw, Content_Type=media_type))


def changed(**changes: Any) -> Answer:
    """Change fields of the manifest that is there."""

    def answers(request: Request, inner: Handler) -> Response | None:
        if "/manifests/" not in request.path:
            return None
        document = json.loads(b"".join(inner.handle(request).body)) | changes
        return answer(200, json.dumps(document).encode(), Content_Type=document["mediaType"])

    return answers


def index(*descriptors: Any) -> dict[str, Any]:
    """Make an index."""
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(descriptors)}


def entry(**changes: Any) -> dict[str, Any]:
    """Make an entry of an index."""
    platform = {"os": "linux", "architecture": "amd64"}
    return {"mediaType": OCI_MANIFEST, "digest": ZEROS, "size": 3, "platform": platform} | changes


def unlimited(headers: dict[str, str], piece: bytes) -> Callable[[Request], Response]:
    """Answer 200 with a body without an end."""
    return lambda request: Response(200, Headers(headers), endless(piece))


def redirect(place: str) -> Callable[[Request], Response]:
    """Lead elsewhere."""
    return lambda request: answer(307, Location=place)


def challenge(value: str) -> Callable[[Request], Response]:
    """Ask for a login."""
    return lambda request: answer(401, WWW_Authenticate=value)


HOSTILE: dict[str, Answer] = {
    "an empty manifest": manifest(b""),
    "a manifest that is no JSON": manifest(b"<html>"),
    "a manifest of bytes that are no text": manifest(b"\xff\xfe{}"),
    "a manifest that is a list": manifest(b"[]"),
    "a manifest in a thousand brackets": manifest(b"[" * 100_000),
    "a manifest without end": when(
        "/manifests/", unlimited({"Content-Type": OCI_MANIFEST}, b" " * MIB)
    ),
    "a manifest of version 1": manifest({"schemaVersion": 1, "fsLayers": []}),
    "a manifest of an unknown type": manifest({"schemaVersion": 2}, "text/evil"),
    "a manifest and index in one": manifest(index(entry()) | {"config": entry(), "layers": []}),
    "a manifest without a config": manifest({"schemaVersion": 2, "layers": []}),
    "layers that are a number": changed(layers=3),
    "layers that are texts": changed(layers=["x"]),
    "a layer without a digest": changed(layers=[{"size": 1, "mediaType": "x"}]),
    "a layer of a negative size": changed(layers=[entry(size=-1)]),
    "a layer of a size that is a text": changed(layers=[entry(size="1")]),
    "a layer whose digest is a path": changed(layers=[entry(digest="sha256:../../etc/passwd")]),
    "a layer of an unknown algorithm": changed(layers=[entry(digest="md5:0")]),
    "no layers, but diff_ids": changed(layers=[]),
    "a config larger than any": changed(config=entry(size=10**12)),
    "a config that isn't there": changed(config=entry()),
    "an index of nothing": manifest(index(), OCI_INDEX),
    "an index of itself": when(
        "/manifests/",
        lambda request: answer(200, json.dumps(index(entry())).encode(), Content_Type=OCI_INDEX),
    ),
    "an index of texts": manifest(index("x"), OCI_INDEX),
    "a platform of control characters": manifest(
        index(entry(platform={"os": "\x1b[2J", "architecture": "x"})), OCI_INDEX
    ),
    "a blob of other bytes": when("/blobs/", lambda request: answer(200, b"evil")),
    "a blob without end": when("/blobs/", unlimited({}, b"x" * MIB)),
    "a blob that is a page": when(
        "/blobs/", lambda request: answer(200, b"<html>", Content_Type="text/html")
    ),
    "a redirect to itself": when("/blobs/", lambda request: redirect(request.path)(request)),
    "a redirect to a file": when("/blobs/", redirect("file:///etc/passwd")),
    "a redirect to nowhere": when("/blobs/", redirect("http://")),
    "a redirect that is no URL": when("/blobs/", redirect("http://[::1")),
    "a login at a file": when("/v2/", challenge('Bearer realm="file:///etc/passwd"')),
    "a login without a place": when("/v2/", challenge("Bearer")),
    "a login in an unknown way": when("/v2/", challenge("Negotiate abc")),
    "a challenge that is none": when("/v2/", challenge('Bearer realm="unfinished')),
    "an error of control characters": when(
        "/v2/", lambda request: answer(400, b'{"errors": [{"message": "\\u001b[2J"}]}')
    ),
    "an error without end": when(
        "/v2/", lambda request: Response(500, Headers({}), endless(b"x" * MIB))
    ),
    "a status of the future": when("/v2/", lambda request: answer(799)),
    "an answer to nobody": when("/v2/", lambda request: answer(304)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_registry(console: Console, shelf: Shelf, name: str) -> None:
    """The error can be printed, and memory stays as it is."""
    hostile = Hostile(shelf.registry, HOSTILE[name])
    console.handler = hostile
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said = error_of(console.run(*PULL))
    assert said.isprintable()
    assert len(said) < 3000
    assert console.files() == set()
    assert hostile.asked < 60
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024
