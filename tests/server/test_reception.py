"""A registry for one push: who knows its name gets in, and what is elsewhere needn't come."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from occystrap.errors import ImageInputError
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Descriptor, Manifest, build_manifest
from occystrap.oci.media_types import DOCKER_CONFIG, DOCKER_LAYER, Family
from occystrap.server.memory_store import MemoryStore
from occystrap.server.message import Request
from occystrap.server.reception import Reception
from tests.support.clock import FakeClock
from tests.support.console import client_of

NAME = "secret/app"
LAYER, CONFIG = b"layer", b'{"os":"linux"}'
HELD = Digest.of(LAYER)


@pytest.fixture
def store() -> MemoryStore:
    """An empty store."""
    return MemoryStore()


def asking(reception: Reception) -> httpx.Client:
    """Make a client of it."""
    client = client_of(reception)
    client.base_url = httpx.URL(f"http://r.example/v2/{reception.repository}/")
    return client


def push(client: httpx.Client, content: bytes) -> None:
    """Push a blob."""
    place = client.post("blobs/uploads/").headers["Location"]
    answer = client.put(
        f"http://r.example{place}", params={"digest": str(Digest.of(content))}, content=content
    )
    assert answer.status_code == 201


def manifest() -> Manifest:
    """Make the manifest of an image of one layer."""
    return build_manifest(
        Family.DOCKER,
        Descriptor.of(CONFIG, DOCKER_CONFIG),
        [Descriptor.of(LAYER, DOCKER_LAYER)],
    )


def test_an_image_is_taken(store: MemoryStore) -> None:
    """As by any registry; a manifest may name what didn't come."""
    reception = Reception(store, NAME)
    with asking(reception) as client:
        push(client, CONFIG)
        kept = manifest()
        answer = client.put(
            "manifests/x", content=kept.raw, headers={"Content-Type": kept.media_type}
        )
        assert answer.status_code == 201
        assert client.get("http://r.example/v2/").status_code == 200
    assert store.tagged(NAME, "x") == kept.digest


@pytest.mark.parametrize(
    "path", ["/v2/_catalog", "/v2/other/app/tags/list", "/v2/other/blobs/x", "/", "/v2/A/tags/list"]
)
def test_who_does_not_know_the_name_gets_nothing(store: MemoryStore, path: str) -> None:
    """Other processes of the machine reach the port, too."""
    with client_of(Reception(store, NAME)) as client:
        for method in ("GET", "POST", "PUT"):
            assert client.request(method, f"http://r.example{path}").status_code == 404
    assert store.repositories() == ()


def test_what_is_held_elsewhere_need_not_come(store: MemoryStore) -> None:
    """It is answered for, with its size, and noted."""
    reception = Reception(store, NAME, held={HELD: 5}.get)
    with asking(reception) as client:
        answer = client.head(f"blobs/{HELD}")
        assert (answer.status_code, answer.headers["Content-Length"]) == (200, "5")
        assert answer.headers["Docker-Content-Digest"] == str(HELD)
        assert client.head(f"blobs/{Digest.of(b'other')}").status_code == 404
        assert client.get(f"blobs/{HELD}").status_code == 404
    assert reception.held_blobs == {HELD}


@pytest.mark.parametrize(
    "accept",
    [f"{DOCKER_CONFIG}, */*", "application/vnd.oci.image.config.v1+json, */*"],
)
def test_a_config_has_to_come(store: MemoryStore, accept: str) -> None:
    """Be it known by its digest beforehand, or by what the client says that it is."""
    with asking(Reception(store, NAME, held={HELD: 5}.get)) as client:
        assert client.head(f"blobs/{HELD}", headers={"Accept": accept}).status_code == 404
    with asking(Reception(store, NAME, held={HELD: 5}.get, wanted=[HELD])) as client:
        assert client.head(f"blobs/{HELD}").status_code == 404


def test_what_cannot_be_looked_up_has_to_come(store: MemoryStore) -> None:
    """An error elsewhere is none of who pushes."""

    def fail(digest: Digest) -> int | None:
        raise ImageInputError("no network")

    with asking(Reception(store, NAME, held=fail)) as client:
        assert client.head(f"blobs/{HELD}").status_code == 404


def test_what_happens_is_noted(store: MemoryStore) -> None:
    """Who came to the door, whether anything was asked, how much came, and when the last."""
    clock, counts = FakeClock(), list[int]()
    reception = Reception(store, NAME, advance=counts.append, clock=clock)

    def pieces() -> Iterator[bytes]:
        for _ in range(3):
            clock.sleep(10)
            assert reception.quiet_seconds == 10
            yield b"x" * 7
            assert reception.quiet_seconds == 0

    clock.sleep(5)
    assert (reception.is_reached, reception.quiet_seconds) == (False, 5)
    reception.greet("1.2.3.4:5")
    assert (reception.is_reached, reception.is_asked, reception.quiet_seconds) == (True, False, 0)
    path = f"/v2/{NAME}/blobs/uploads/"
    query = (("digest", str(Digest.of(b"x" * 21))),)
    assert reception.handle(Request("POST", path, query, body=pieces())).status == 201
    assert reception.is_asked
    assert counts == [7, 7, 7]
