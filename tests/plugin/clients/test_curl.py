"""curl with a fake registry, in every version of HTTP and through every door."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from pytest_occystrap.fake import FakeRegistry
from pytest_occystrap.plugin import MakeRegistry
from tests.support.components import real_component
from tests.support.curl import Curl

#: Name -> options of curl, the door ("http", "https" or "unix"), and the version of the answers.
WAYS = {
    "1.0": (["--http1.0"], "http", "1.1"),
    "1.1": (["--http1.1"], "http", "1.1"),
    "upgrade offered": (["--http2"], "http", "1.1"),
    "prior knowledge": (["--http2-prior-knowledge"], "http", "2"),
    "TLS 1.1": (["--http1.1"], "https", "1.1"),
    "ALPN": (["--http2"], "https", "2"),
    "unix": ([], "unix", "1.1"),
    "unix, prior knowledge": (["--http2-prior-knowledge"], "unix", "2"),
}


@pytest.fixture
def curl(tmp_path: Path) -> Curl:
    """Debian's curl."""
    return Curl(real_component("curl"), tmp_path)


class Way:
    """One way to a registry: curl with its options, the base URL, and the version of HTTP."""

    def __init__(self, name: str, registry: FakeRegistry, curl: Curl) -> None:
        options, door, self.version = WAYS[name]
        self.name = name
        self.base = registry.https_url if door == "https" else registry.url
        if door == "https":
            options = [*options, "--cacert", str(registry.ca_file)]
        if door == "unix":
            options = [*options, "--unix-socket", str(registry.socket_path)]
            self.base = "http://quay.io"
        self.curl = Curl(curl.program, curl.directory, tuple(options))


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, fake_registry: FakeRegistry, curl: Curl) -> Way:
    """Every way."""
    return Way(str(request.param), fake_registry, curl)


def test_curl_pulls(fake_registry: FakeRegistry, way: Way) -> None:
    """All of an image, in the version of HTTP that was wanted, and parts of it."""
    image = fake_registry.add_random_image("a/b:v1", size=2_000_000)
    got = way.curl(f"{way.base}/v2/a/b/manifests/v1")
    assert (got.status, got.version, got.body) == (200, way.version, image.manifest.raw)
    for digest, content in image.blobs.items():
        got = way.curl(f"{way.base}/v2/a/b/blobs/{digest}")
        assert (got.status, got.version) == (200, way.version)
        assert got.body == content
    fake_registry.assert_pulled("a/b:v1")
    assert {one.protocol for one in fake_registry.requests} == {
        "HTTP/2" if way.version == "2" else "HTTP/1.1"
    }


def test_curl_asks_for_parts(fake_registry: FakeRegistry, way: Way) -> None:
    """For a range, for the end, for what is behind the end, and for the head alone."""
    (layer,) = fake_registry.add_random_image("a/b:v1", size=300_000).layers
    url = f"{way.base}/v2/a/b/blobs/{layer.digest}"
    got = way.curl("--range", "1000-200999", url)
    assert (got.status, got.body) == (206, layer.content[1000:201_000])
    got = way.curl("--range", "-10", url)
    assert (got.status, got.body) == (206, layer.content[-10:])
    assert way.curl("--range", f"{layer.size}-", url).status == 416
    head = way.curl("--head", url)
    assert (head.status, head.version) == (200, way.version)
    assert f"content-length: {layer.size}".encode() in head.body.lower()


def test_curl_goes_on_where_it_stopped(fake_registry: FakeRegistry, way: Way) -> None:
    """`--continue-at -` asks for what is missing of a file."""
    (layer,) = fake_registry.add_random_image("a/b:v1", size=300_000).layers
    url = f"{way.base}/v2/a/b/blobs/{layer.digest}"
    got = way.curl("--continue-at", "-", url, begun=layer.content[:123_456])
    assert (got.status, got.version) == (206, way.version)
    assert got.body == layer.content
    assert fake_registry.requests[0].response_bytes == layer.size - 123_456


def begin(way: Way, registry: FakeRegistry, digest: str) -> str:
    """Open an upload; return the URL that a blob is put to."""
    begun = way.curl("--request", "POST", "--data", "", f"{way.base}/v2/a/b/blobs/uploads/")
    assert begun.status == 202
    location = httpx.URL(registry.requests[-1].response_headers.get("Location") or "")
    return str(httpx.URL(way.base).join(location).copy_merge_params({"digest": digest}))


def test_curl_pushes(fake_registry: FakeRegistry, way: Way) -> None:
    """A large blob, which curl asks leave for first (`Expect: 100-continue`) in HTTP/1.1."""
    (layer,) = fake_registry.add_random_image("other:1", size=3_000_000).layers
    url = begin(way, fake_registry, layer.digest)
    file = way.curl.directory / "blob"
    file.write_bytes(layer.content)
    done = way.curl("--upload-file", file, url)
    assert (done.status, done.version) == (201, way.version)
    assert fake_registry.has_blob(layer.digest, "a/b")
    asked = fake_registry.requests[-1].headers.get("Expect")
    assert asked == ("100-continue" if way.version == "1.1" and way.name != "1.0" else None)


@pytest.mark.parametrize("way", sorted(WAYS.keys() - {"1.0"}), indirect=True)
def test_curl_pushes_what_has_no_length(fake_registry: FakeRegistry, way: Way) -> None:
    """A blob that comes through a pipe, as chunks of HTTP/1.1 or frames of HTTP/2."""
    (layer,) = fake_registry.add_random_image("other:1", size=3_000_000).layers
    url = begin(way, fake_registry, layer.digest)
    done = way.curl("--upload-file", "-", url, stdin=layer.content)
    assert (done.status, done.version) == (201, way.version)
    assert fake_registry.has_blob(layer.digest, "a/b")
    assert "Content-Length" not in fake_registry.requests[-1].headers


@pytest.mark.parametrize("name", sorted(name for name in WAYS if not name.startswith("unix")))
def test_curl_follows_to_the_storage(make_registry: MakeRegistry, curl: Curl, name: str) -> None:
    """It leaves its password at the registry; the other host speaks the same HTTP."""
    registry = make_registry(auth="basic", private=True, redirects=True, images=["a/b:v1"])
    image = registry.image("a/b:v1")
    way = Way(name, registry, curl)
    login = ":".join(*registry.accounts.items())
    for digest, content in image.blobs.items():
        url = f"{way.base}/v2/a/b/blobs/{digest}"
        assert way.curl(url).status == 401
        got = way.curl("--user", login, "--location", url)
        assert (got.status, got.version, got.body) == (200, way.version, content)
        assert got.report["num_redirects"] == 1
    assert [one.part for one in registry.requests if one.status == 200] == ["storage"] * 2


def test_curl_trusts_no_stranger(fake_registry: FakeRegistry, curl: Curl) -> None:
    """Without --cacert it refuses the certificate."""
    with pytest.raises(AssertionError, match="SSL certificate problem"):
        curl(f"{fake_registry.https_url}/v2/")
    assert fake_registry.requests == []
