"""HTTP libraries of Python push to a fake registry and pull from it, through every door."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from pytest_occystrap.building import build_image, random_layers
from pytest_occystrap.fake import FakeRegistry
from pytest_occystrap.images import FakeImage
from pytest_occystrap.plugin import MakeRegistry
from tests.support.python_clients import CLIENTS, Answer, Asked

BASES: dict[str, Callable[[FakeRegistry], str]] = {
    "http": lambda registry: registry.url,
    "https": lambda registry: registry.https_url,
    "unix": lambda registry: "http://registry.test",
}
WAYS = [(name, way) for name, (_, ways) in CLIENTS.items() for way in ways]


class Library:
    """A library that reaches registries one way."""

    def __init__(self, name: str, way: str) -> None:
        self._send = CLIENTS[name][0]
        self.way = way

    def ask(self, registry: FakeRegistry, asked: Asked) -> Answer:
        """Ask a registry for a path, or for the URL of a Location, with the one account."""
        url = httpx.URL(BASES[self.way](registry)).join(asked.url)
        ((name, password),) = registry.accounts.items()
        login = None if registry.options.auth == "none" else (name, password)
        return self._send(registry, self.way, replace(asked, url=str(url), login=login))


@pytest.fixture(params=WAYS, ids="-".join)
def library(request: pytest.FixtureRequest) -> Library:
    """Every library on each way that it knows."""
    return Library(*request.param)


@pytest.fixture
def image() -> FakeImage:
    """An image with layers that take more than one packet."""
    return build_image(list(random_layers(400_000, 2, "python")))


def push(library: Library, registry: FakeRegistry, image: FakeImage) -> None:
    """Push an image: the first blob at once, the others in two parts of no known length."""
    for number, (digest, content) in enumerate(image.blobs.items()):
        begun = library.ask(registry, Asked("POST", "/v2/a/b/blobs/uploads/"))
        assert begun.status == 202
        location, rest = begun.headers["Location"], content
        if number:
            for part in (content[:150_000], content[150_000:]):
                sent = library.ask(registry, Asked("PATCH", location, part, streamed=True))
                assert sent.status == 202
                location = sent.headers["Location"]
            rest = b""
        url = httpx.URL(location).copy_merge_params({"digest": digest})
        assert library.ask(registry, Asked("PUT", str(url), rest)).status == 201
    kind = {"Content-Type": image.media_type}
    manifest = Asked("PUT", "/v2/a/b/manifests/v1", image.manifest.raw, kind)
    assert library.ask(registry, manifest).status == 201


def pull(library: Library, registry: FakeRegistry, image: FakeImage) -> None:
    """Pull the image, byte for byte."""
    manifest = library.ask(registry, Asked("GET", "/v2/a/b/manifests/v1"))
    assert (manifest.status, manifest.body) == (200, image.manifest.raw)
    for digest, content in image.blobs.items():
        url = f"/v2/a/b/blobs/{digest}"
        assert library.ask(registry, Asked("GET", url)).body == content
        part = library.ask(registry, Asked("GET", url, headers={"Range": "bytes=100-199"}))
        assert (part.status, part.body) == (206, content[100:200])
        head = library.ask(registry, Asked("HEAD", url))
        assert head.headers["Content-Length"] == str(len(content))
        assert head.body == b""


@pytest.mark.parametrize("auth", ["none", "basic"])
def test_an_image_goes_in_and_out(
    make_registry: MakeRegistry, library: Library, image: FakeImage, auth: str
) -> None:
    """Blobs at once and in parts, whole and by range, with a password or without."""
    registry = make_registry(auth=auth)
    push(library, registry, image)
    registry.assert_pushed("a/b:v1")
    assert registry.image("a/b:v1").blobs == image.blobs
    pull(library, registry, image)
    registry.assert_pulled("a/b:v1")
    assert {one.protocol for one in registry.requests} == {"HTTP/1.1"}
    assert {one.scheme for one in registry.requests} == {library.way.replace("unix", "http")}
    assert {one.client == "unix" for one in registry.requests} == {library.way == "unix"}


def test_errors_are_answers(make_registry: MakeRegistry, library: Library) -> None:
    """What isn't there, what isn't allowed, and a body that nobody has asked for."""
    registry = make_registry(auth="none")
    missing = library.ask(registry, Asked("GET", "/v2/a/b/manifests/v1"))
    assert (missing.status, b"MANIFEST_UNKNOWN" in missing.body) == (404, True)
    unwanted = Asked("PUT", "/v2/a/b/manifests/v1", b"x" * 300_000, streamed=True)
    assert library.ask(registry, unwanted).status == 400
    assert registry.images == []


@pytest.mark.parametrize(
    "library", [way for way in WAYS if "unix" not in way], indirect=True, ids="-".join
)
@pytest.mark.registry(redirects=True, auth="basic", images=["a/b:v1"])
def test_blobs_of_another_host(fake_registry: FakeRegistry, library: Library) -> None:
    """Every library follows, and none gives the password away, or the test would fail."""
    for digest, content in fake_registry.image("a/b:v1").blobs.items():
        asked = Asked("GET", f"/v2/a/b/blobs/{digest}")
        assert library.ask(fake_registry, asked).body == content
    assert {one.part for one in fake_registry.requests} == {"registry", "storage"}
