"""Plain vcrpy with our cassettes: what is recorded, and what isn't taken for a replay of it."""

from __future__ import annotations

import asyncio
import hashlib
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
import requests
from vcr.errors import CannotOverwriteExistingCassetteException

from occystrap.errors import ImageOutputError
from pytest_occystrap import FakeRegistry, occystrap_vcr
from pytest_occystrap.cassettes.files import load_cassette
from pytest_occystrap.cassettes.form import Interaction

CONTENT = random.Random(5).randbytes(100_000)  # noqa: S311 - no secret


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    """A registry with an image whose layer doesn't compress to nothing."""
    with FakeRegistry() as registry:
        registry.add_image("org/app:1", layers=[{"a": CONTENT}])
        yield registry


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a cassette is going to be."""
    return tmp_path / "cassettes" / "some.yaml"


def pull(client: httpx.Client, base: str, **headers: str) -> bytes:
    """Get a manifest and its layer."""
    manifest = client.get(f"{base}/v2/org/app/manifests/1").raise_for_status().json()
    url = f"{base}/v2/org/app/blobs/{manifest['layers'][0]['digest']}"
    return client.get(url, headers=headers).raise_for_status().content


def push(base: str, content: bytes, digest: str) -> int:
    """Upload a blob under a digest that may be another's, and return the answer's status."""
    session = requests.Session()
    begun = session.post(f"{base}/v2/org/app/blobs/uploads/", timeout=10)
    place = urljoin(begun.url, begun.headers["Location"])
    return session.put(place, params={"digest": digest}, data=content, timeout=10).status_code


def recorded(path: Path) -> tuple[Interaction, ...]:
    """Return what is in a cassette."""
    return load_cassette(path).interactions


def test_a_pull_is_replayed_with_the_registry_gone(path: Path) -> None:
    """What was answered is answered again, byte for byte, from a file with the layer beside it."""
    with FakeRegistry() as registry:
        image = registry.add_image("org/app:1", layers=[{"a": CONTENT}])
        base, trust = registry.https_url, registry.ssl_context
        with occystrap_vcr().use_cassette(path), httpx.Client(verify=trust, http2=True) as client:
            first = pull(client, base)
    with occystrap_vcr().use_cassette(path) as cassette, httpx.Client(verify=trust) as client:
        again = pull(client, base)
    assert first == again == image.layers[0].content
    assert cassette.play_count == 2
    blobs = path.parent / "blobs" / "sha256"
    assert [each.name for each in blobs.iterdir()] == [hashlib.sha256(first).hexdigest()]
    assert path.stat().st_size < 5000


def test_versions_and_times_are_in_the_file(registry: FakeRegistry, path: Path) -> None:
    """What httpx knows of an exchange is kept, though vcrpy doesn't ask for it."""
    base, trust = registry.https_url, registry.ssl_context
    with occystrap_vcr().use_cassette(path), httpx.Client(verify=trust, http2=True) as client:
        client.get(f"{base}/v2/")
        requests.get(f"{registry.url}/v2/", timeout=10)
        asyncio.run(ping(registry))
    versions = [each.response and each.response.http_version for each in recorded(path)]
    assert versions == ["HTTP/2", "HTTP/1.1", "HTTP/2"]
    first, of_requests, last = (each.timing for each in recorded(path))
    assert 0 < first.waited <= first.seconds
    assert 0 < first.started < last.started
    assert of_requests.seconds == 0  # nobody told
    provenance = load_cassette(path).provenance
    assert provenance.by.startswith("vcrpy ")
    assert provenance.client == f"python-httpx/{httpx.__version__}"
    assert provenance.recorded.startswith("20")


async def ping(registry: FakeRegistry) -> None:
    """Ask a registry with an asynchronous client."""
    async with httpx.AsyncClient(verify=registry.ssl_context, http2=True) as client:
        await client.get(f"{registry.https_url}/v2/")


def test_what_is_known_of_one_exchange_is_not_told_of_another(
    registry: FakeRegistry, path: Path
) -> None:
    """An exchange that breaks off, and isn't recorded, leaves nothing behind for the next one."""
    registry.fault("GET manifest: reset after=10")
    with occystrap_vcr().use_cassette(path), httpx.Client(verify=registry.ssl_context) as client:
        with pytest.raises(httpx.TransportError):
            pull(client, registry.https_url)
        requests.get(f"{registry.url}/v2/", timeout=10)
    (ping,) = recorded(path)
    assert ping.timing.seconds == 0


def test_opening_it_again_loses_nothing(registry: FakeRegistry, path: Path) -> None:
    """A cassette that gets one more exchange keeps what it had."""
    with occystrap_vcr().use_cassette(path), httpx.Client(verify=registry.ssl_context) as client:
        pull(client, registry.https_url)
    before = recorded(path)
    with occystrap_vcr(record_mode="new_episodes").use_cassette(path):
        requests.get(f"{registry.url}/v2/", timeout=10)
    assert recorded(path)[:2] == before
    assert len(recorded(path)) == 3


@pytest.mark.parametrize("match_on", [None, ["method", "path"]])
def test_another_range_is_not_answered(
    registry: FakeRegistry, path: Path, match_on: list[str] | None
) -> None:
    """A part of a layer is no answer for another part, whatever else a user lets match."""
    options = {"match_on": match_on} if match_on else {}
    trust = registry.ssl_context
    with occystrap_vcr().use_cassette(path), httpx.Client(verify=trust) as client:
        part = pull(client, registry.https_url, Range="bytes=0-1")
    with occystrap_vcr(**options).use_cassette(path), httpx.Client(verify=trust) as client:
        assert pull(client, registry.https_url, Range="bytes=0-1") == part
    with (
        occystrap_vcr().use_cassette(path, **options),
        httpx.Client(verify=trust) as client,
        pytest.raises(CannotOverwriteExistingCassetteException, match="bytes=2-3 was bytes=0-1"),
    ):
        pull(client, registry.https_url, Range="bytes=2-3")


@pytest.mark.parametrize("size", [len(CONTENT), len(CONTENT) - 1])
def test_other_bytes_are_not_accepted(registry: FakeRegistry, path: Path, size: int) -> None:
    """An upload that a registry took isn't taken again with other bytes under the digest."""
    digest = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    with occystrap_vcr().use_cassette(path):
        assert push(registry.url, CONTENT, digest) == 201
    with occystrap_vcr().use_cassette(path):
        assert push(registry.url, CONTENT, digest) == 201
    other = (b"!" + CONTENT[1:])[:size]
    said = f"{size} bytes, was {digest}"
    with (
        occystrap_vcr().use_cassette(path),
        pytest.raises(CannotOverwriteExistingCassetteException, match=said),
    ):
        push(registry.url, other, digest)


@pytest.mark.parametrize("matcher", ["body", "raw_body"])
def test_no_body_is_an_empty_one(registry: FakeRegistry, path: Path, matcher: str) -> None:
    """A client that says None for an empty body finds what it has recorded."""
    machine = occystrap_vcr(match_on=["method", "uri", matcher])
    with machine.use_cassette(path):
        assert requests.get(f"{registry.url}/v2/", timeout=10).ok
    with machine.use_cassette(path) as cassette:
        assert requests.get(f"{registry.url}/v2/", timeout=10).ok
    assert cassette.play_count == 1


def test_a_function_may_have_a_cassette(registry: FakeRegistry, tmp_path: Path) -> None:
    """As with vcrpy, a decorator names the file after the function, or is told one."""
    machine = occystrap_vcr(cassette_library_dir=str(tmp_path))

    def get_it() -> int:
        return requests.get(f"{registry.url}/v2/", timeout=10).status_code

    named: Any = machine.use_cassette(get_it)
    other: Any = machine.use_cassette("other.yaml", with_current_defaults=True)(get_it)
    assert (named(), other(), named()) == (200, 200, 200)
    files = sorted(each.name for each in tmp_path.iterdir() if each.is_file())
    assert files == ["get_it", "other.yaml"]


def test_a_cassette_that_cannot_be_saved_is_closed(registry: FakeRegistry, path: Path) -> None:
    """The error is told, and what comes later isn't recorded any more."""
    path.parent.write_text("no directory")
    before = httpx.HTTPTransport.handle_request
    context = occystrap_vcr().use_cassette(path)
    opened = context.__enter__()
    assert httpx.HTTPTransport.handle_request is not before
    requests.get(f"{registry.url}/v2/", timeout=10)
    with pytest.raises((OSError, ImageOutputError)):
        context.__exit__(None, None, None)
    assert httpx.HTTPTransport.handle_request is before
    requests.get(f"{registry.url}/v2/", timeout=10)
    assert len(opened) == 1


DAEMON = """
import sys
import requests, requests_unixsocket
from urllib.parse import quote
from occystrap.errors import ImageOutputError
from pytest_occystrap import FakeRegistry, occystrap_vcr

with FakeRegistry() as registry, occystrap_vcr().use_cassette(sys.argv[1]) as cassette:
    host = quote(str(registry.socket_path), safe="")
    with requests_unixsocket.Session() as session:
        answers = [session.get(f"http+unix://{host}/v2/").status_code for _ in range(2)]
    with requests.Session() as session:
        answers.append(session.get(f"{registry.url}/v2/").status_code)
    print(answers, len(cassette))
"""


def test_a_daemon_s_socket_is_left_alone(path: Path) -> None:
    """What vcrpy can't record passes through instead of hanging, and the rest is recorded."""
    command = [sys.executable, "-W", "error", "-c", DAEMON, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("[200, 200, 200] 1\n", "")
